// The real window: the main road by mouse and by keyboard, in both languages and themes, over the real engine.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { KEY, Window, until } from "./driver.mjs";

let window;

function cala(...args) {
  return execFileSync(join(process.env.CALA_BIN, "cala"), args, { encoding: "utf8" });
}

before(async () => {
  window = await Window.open({ env: { LANG: "es_ES.UTF-8", LANGUAGE: "es" } });
});

afterEach(async (t) => {
  if (!t.passed) await window?.picture(`failed-${t.name.replace(/\W+/g, "-")}`);
});

after(async () => {
  await window?.close();
});

test("the window opens in the system's language, with its own pages", async () => {
  await window.see("¿Qué quieres ejecutar?");
  const [address, api] = await window.run("return [location.href, typeof window.__TAURI__]");
  assert.match(address, /^tauri:\/\/localhost/);
  assert.equal(api, "undefined", "no global API");
  await window.picture("window-es-light-home");
});

test("the first container runs by mouse and its log says the welcome in Spanish", async () => {
  await window.click("Primer contenedor");
  await window.see("Lo que acaba de pasar");
  await window.see("cala run -d --name mi-primer-contenedor");
  await window.picture("window-es-light-log");
  await window.click("Resumen", "[role=tab]");
  await window.see("Terminó su trabajo sin errores");
  await window.picture("window-es-light-overview");
});

test("a container of the command line appears by itself and goes by itself", async () => {
  await window.chord(KEY.control, "2");
  cala("run", "-d", "--name", "from-cli", "cala/hello", "serve");
  await window.see("from-cli");
  cala("rm", "-f", "-t", "0", "from-cli");
  await window.gone("from-cli");
});

test("by keyboard alone: run, look, stop, remove", async () => {
  await window.press(KEY.escape);
  await window.press("n");
  await window.see("El comando equivalente");
  await until(() => window.run("return document.activeElement === document.querySelector('main input')"), "the image's field with the keyboard");
  await window.press("cala/hello");
  await window.press(KEY.escape + KEY.tab);
  await window.press("teclado" + KEY.tab);
  await window.press("serve");
  await window.see("cala run -d --name teclado -p 127.0.0.1:");
  await window.picture("window-es-light-run");
  await window.press(KEY.enter);
  await window.see("En directo");
  await window.press(KEY.escape);
  await window.press("/");
  await window.press("teclado" + KEY.enter);
  await window.see("En marcha");
  await window.press("s");
  await window.see("Detenido");
  await window.press(KEY.delete);
  await until(() => window.run("return document.activeElement?.closest('dialog, [role=dialog], [role=alertdialog]') !== null"), "the question");
  await window.press(KEY.tab + KEY.enter);
  await until(() => !cala("ps", "-a", "--format", "{{.Names}}").includes("teclado"), "the removal");
});

test("a shell in the terminal tab: keys arrive in order, a large paste arrives whole", async () => {
  cala("run", "-d", "--name", "con-shell", "-v", "/bin/busybox:/bin/sh:ro", "-v", "/bin/busybox:/bin/busybox:ro", "cala/hello", "serve");
  await window.run("location.hash = '#/containers'");
  // What the last test filtered by.
  await window.press("/");
  await window.chord(KEY.control, "a");
  await window.press(KEY.delete + KEY.enter);
  await window.click("con-shell", "[role=row]");
  await window.click("Terminal", "[role=tab]");
  await until(() => window.run("return document.activeElement?.classList.contains('xterm-helper-textarea')"), "the terminal's focus");
  await window.press("echo $((40+2))abcdefghijklmnopqrstuvwxyz" + KEY.enter);
  await window.see("42abcdefghijklmnopqrstuvwxyz");
  await window.press("/bin/busybox stty -echo; /bin/busybox wc -c" + KEY.enter);
  // Lines, because a terminal in its usual mode takes 4095 bytes a line.
  await window.run(
    `const data = new DataTransfer();
     data.setData("text/plain", ("x".repeat(999) + "\\n").repeat(300));
     document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));`,
  );
  await window.chord(KEY.control, "d");
  await window.see("300000", 30);
  await window.press("/bin/busybox stty echo; /bin/busybox ls /" + KEY.enter);
  await window.see("proc");
  await window.picture("window-es-light-terminal");
  // Out of the terminal: to its tab, and to another section.
  await window.chord(KEY.control + KEY.shift, KEY.escape);
  await until(() => window.run("return document.activeElement?.getAttribute('role') === 'tab'"), "the tab with the keyboard");
  await window.press(KEY.tab);
  await until(() => window.run("return document.activeElement?.classList.contains('xterm-helper-textarea')"), "the terminal again");
  await window.chord(KEY.control, "3");
  await until(() => window.run("return location.hash === '#/images'"), "the images");
  cala("rm", "-f", "-t", "0", "con-shell");
});

test("English and dark, at once", async () => {
  await window.press(KEY.escape);
  await window.run("location.hash = '#/settings'");
  await window.click("English");
  await window.click("Dark", "label, button");
  await window.see("Settings");
  assert.equal(await window.run("return document.documentElement.dataset.theme"), "dark");
  await window.run("location.hash = '#/'");
  await window.see("What do you want to run?");
  await window.picture("window-en-dark-home");
  await window.run("location.hash = '#/containers'");
  await window.click("mi-primer-contenedor", "[role=row]");
  await window.picture("window-en-dark-containers");
});
