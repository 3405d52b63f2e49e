// What a container says is text. Labels and logs full of HTML, and a terminal full of links, change nothing in the window.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { KEY, Window, until } from "./driver.mjs";

const IMAGE = "<img src=x onerror=\"document.title='owned';window.owned=1\">";
const FRAME = "<iframe src='https://example.org'></iframe><script>window.owned=1</script>";
const LINK = "\\033]8;;https://example.org/\\033\\\\press-me\\033]8;;\\033\\\\";

let window;
let address;

function cala(...args) {
  return execFileSync(join(process.env.CALA_BIN, "cala"), args, { encoding: "utf8" });
}

before(async () => {
  cala(
    "run", "-d", "--name", "hostile", "--label", `evil=${IMAGE}${FRAME}`, "-e", `EVIL=${IMAGE}`,
    "-v", "/bin/busybox:/bin/sh:ro", "-v", "/bin/busybox:/bin/busybox:ro", "--entrypoint", "/bin/sh", "cala/hello", "-c",
    `printf '%s\\n' "$EVIL"; printf '%s\\n' "<a href='https://example.org'>go</a>"; printf '${LINK}\\n'; exec /bin/busybox sleep 1000`,
  );
  window = await Window.open({ env: { LANG: "en_US.UTF-8", LANGUAGE: "en" } });
  await until(async () => (await window.text()).includes("Cala"), "the first page");
  address = await window.run("return location.origin + location.pathname");
});

after(async () => {
  await window?.close();
});

async function unharmed() {
  const seen = await window.run(
    "return [window.owned ?? null, document.title, document.querySelectorAll('iframe, img[src=x], a[href*=\"example.org\"]').length, location.origin + location.pathname]",
  );
  assert.deepEqual([seen[0], seen[2], seen[3]], [null, 0, address]);
  assert.doesNotMatch(seen[1], /owned/);
}

test("a log line shows its own angle brackets", async () => {
  await window.run("location.hash = '#/containers'");
  await window.click("hostile", "[role=row]");
  await window.click("Logs", "[role=tab]");
  await window.see("onerror=");
  await window.see("press-me");
  await unharmed();
});

test("labels and environment are text in the inspect tab", async () => {
  await window.click("Inspect", "[role=tab]");
  await window.see("Config");
  await window.run("for (const closed of document.querySelectorAll('[aria-expanded=false]')) closed.click()");
  await pause(300);
  await unharmed();
});

test("a link of the terminal (OSC 8) leads nowhere", async () => {
  await window.click("Terminal", "[role=tab]");
  await until(() => window.run("return document.activeElement?.classList.contains('xterm-helper-textarea')"), "the terminal's focus");
  await window.press(`printf '${LINK}\\n'` + KEY.enter);
  const row = `[...document.querySelectorAll(".xterm-rows > div")].find((e) => e.textContent.trim() === "press-me")`;
  await until(() => window.run(`return Boolean(${row})`), "the link's text");
  await window.run(
    `const row = ${row};
     const span = row.querySelector("span") ?? row;
     for (const type of ["mousemove", "mousedown", "mouseup", "click"]) {
       const { left, top } = span.getBoundingClientRect();
       span.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: left + 5, clientY: top + 5, ctrlKey: true }));
     }`,
  );
  await pause(300);
  await unharmed();
});

test("the policy: no foreign frame, no inline script, no foreign style, no way elsewhere", async () => {
  const blocked = await window.run(
    `window.blocked = [];
     document.addEventListener("securitypolicyviolation", (event) => window.blocked.push(event.effectiveDirective));
     const frame = document.createElement("iframe"); frame.src = "https://example.org/"; document.body.append(frame);
     const script = document.createElement("script"); script.textContent = "window.owned = 1"; document.body.append(script);
     const style = document.createElement("style"); style.textContent = "body { display: none }"; document.body.append(style);
     const image = new Image(); image.src = "https://example.org/x.png";
     fetch("https://example.org/").catch(() => undefined);
     const sheet = new CSSStyleSheet(); sheet.replaceSync(":root { --proof: 1 }"); document.adoptedStyleSheets.push(sheet);
     return [getComputedStyle(document.body).display, getComputedStyle(document.documentElement).getPropertyValue("--proof").trim()];`,
  );
  assert.notEqual(blocked[0], "none", "an inline style is refused");
  assert.equal(blocked[1], "1", "a constructed style sheet is allowed");
  const directives = await until(async () => {
    const seen = await window.run("return window.blocked");
    return ["frame-src", "script-src", "style-src", "img-src", "connect-src"].every((word) => seen.some((s) => s.startsWith(word))) && seen;
  }, "all refusals");
  assert.ok(directives.length >= 5);
  await window.run("document.querySelectorAll('body > iframe, body > script, body > style').forEach((e) => e.remove()); location.href = 'https://example.org/'");
  await pause(1000);
  await unharmed();
});
