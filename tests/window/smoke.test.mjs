// The real window: opens, runs the first container, shows its log, lists and removes it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Window, until } from "./driver.mjs";

let window;

function cala(...args) {
  return execFileSync(join(process.env.CALA_BIN, "cala"), args, { encoding: "utf8" });
}

before(async () => {
  window = await Window.open();
});

after(async () => {
  await window?.close();
});

test("the window opens with its own pages and no way out", async () => {
  await until(async () => (await window.text()).includes("Cala"), "the first page");
  const url = await window.run("return location.href");
  assert.match(url, /^tauri:\/\/localhost/);
  const reached = await window.run(
    "const frame = document.createElement('iframe'); frame.src = 'https://example.org'; document.body.append(frame); const w = frame.contentDocument === null; frame.remove(); return [location.href, typeof window.__TAURI__, w];",
  );
  assert.equal(reached[0], url);
  assert.equal(reached[1], "undefined", "no global API");
});

test("a container made by the command line appears by itself", async () => {
  cala("run", "-d", "--name", "from-cli", "cala/hello", "serve");
  await until(async () => (await window.text()).includes("Cala"), "the first page");
  await window.press("\uE0092\uE009");
  await until(async () => (await window.text()).includes("from-cli"), "the container's row");
  await window.picture("window-containers");
  cala("rm", "-f", "-t", "0", "from-cli");
  await until(async () => !(await window.text()).includes("from-cli"), "the row's end");
});
