// The window's figures, as one JSON object on standard output. Run it as the tests run (CALA_BIN names the programs, for
// figures that count those of a release build; HOME and XDG_RUNTIME_DIR are fresh):
//
//   cargo xtask enter -- env CALA_BIN=$PWD/target/release node tests/window/bench.mjs [containers] [lines]
//
// Times are taken from outside, through WebDriver: upper bounds.

import { execFile, execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { Window } from "./driver.mjs";

const containers = Number(process.argv[2] ?? 100);
const lines = Number(process.argv[3] ?? 100_000);
const STARTS = 5;
const program = join(process.env.CALA_BIN, "cala");
const cala = (...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Waits for a condition in the page, looking every few milliseconds; answers how long it took since `start`. */
async function reach(window, start, script, ...args) {
  while (Date.now() - start < 60_000) {
    if (await window.run(`return Boolean((function () { ${script} }).apply(null, arguments))`, ...args)) return Date.now() - start;
    await pause(5);
  }
  throw new Error(`not reached within a minute: ${script}\n${await window.text()}`);
}

/** What the processes below one hold in memory of their own share, in MiB (proc_pid_smaps(5), Pss), monitors left out. */
function memory(root) {
  const children = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
      children.set(parent, [...(children.get(parent) ?? []), pid]);
    } catch {
      // It has just ended.
    }
  }
  let kib = 0;
  for (const queue = [...(children.get(String(root)) ?? [])]; queue.length > 0; ) {
    const pid = queue.pop();
    try {
      if (readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("cala-monitor")) continue;
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
      queue.push(...(children.get(pid) ?? []));
    } catch {
      // It has just ended.
    }
  }
  return Math.round(kib / 1024);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Opens the window and answers it with the milliseconds until the list was there. */
async function start() {
  const window = await Window.open({ env: { LANG: "en_US.UTF-8" } });
  opened.push(window);
  const filled = await reach(
    window,
    window.started,
    "return new RegExp(`All[^0-9]+${arguments[0]}[^0-9]`).test(document.body.innerText) && document.querySelectorAll('[role=row]').length > 5",
    String(containers),
  );
  return { window, filled };
}

for (let n = 1; n <= containers; n++) cala("create", "--name", `c${n}`, "cala/hello", "serve");
const opened = [];
const starts = [];
let window;
try {
  for (let n = 0; n < STARTS; n++) {
    await window?.close();
    const one = await start();
    window = one.window;
    starts.push(one.filled);
  }
  await pause(2000);
  const idle = memory(window.pid);

  let at = Date.now();
  await promisify(execFile)(program, ["create", "--name", "fresh", "cala/hello"]);
  at = Date.now();
  const change = await reach(window, at, "return document.body.innerText.includes('fresh')");

  cala("run", "-d", "--name", "counter", "cala/hello", "count", String(lines), "0");
  cala("wait", "counter");
  await window.click("counter", "[role=row]");
  await window.click("Overview", "[role=tab]");
  await pause(500);
  at = Date.now();
  await window.click("Logs", "[role=tab]");
  const shown = await reach(window, at, "return document.body.innerText.includes(`${arguments[0]} lines`)", lines.toLocaleString("en"));
  await pause(1000);

  console.log(
    JSON.stringify({
      containers,
      start_ms: { min: Math.min(...starts), median: median(starts) },
      memory_mib: { idle, with_log: memory(window.pid) },
      change_visible_ms: change,
      log_lines: lines,
      log_shown_ms: shown,
    }),
  );
} finally {
  await opened.at(-1)?.close();
  cala("rm", "-f", "-a", "-t", "0");
}
