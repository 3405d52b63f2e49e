// Starts a display without a screen and WebKit's driver, and speaks W3C WebDriver to the real window.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Keys that have no letter (WebDriver, section 17.4.2). */
export const KEY = { tab: "\uE004", enter: "\uE007", control: "\uE009", shift: "\uE008", escape: "\uE00C", delete: "\uE017", down: "\uE015" };

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** A port nobody listens on at this moment. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until a condition holds; its last error otherwise. */
export async function until(condition, what, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      const result = await condition();
      if (result) return result;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`${what} did not happen within ${seconds} s${last ? `: ${last}` : ""}`);
}

/** The real program on its own display. */
export class Window {
  #processes = [];
  #base;
  #session;

  /** `env` for the program: its language, its home; `size` of the display. */
  static async open({ args = [], env = {}, size = "1180x760" } = {}) {
    const window = new Window();
    try {
      await window.#start(args, env, size);
      return window;
    } catch (error) {
      await window.close();
      throw error;
    }
  }

  async #start(args, env, size) {
    // Xvfb chooses a free display and writes its number to descriptor 3.
    const display = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", `${size}x24`, "-nolisten", "tcp"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    this.#processes.push(display);
    const number = await new Promise((resolve, reject) => {
      display.once("error", reject);
      display.stdio[3].once("data", (data) => resolve(String(data).trim()));
    });
    this.display = `:${number}`;
    const port = await freePort();
    const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
      stdio: "ignore",
      env: { ...process.env, ...env, DISPLAY: this.display, TAURI_WEBVIEW_AUTOMATION: "true", WEBKIT_DISABLE_DMABUF_RENDERER: "1" },
    });
    this.#processes.push(driver);
    driver.once("error", () => {});
    this.#base = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${this.#base}/status`)).ok, "the driver's answer");
    const binary = join(process.env.CALA_BIN, "cala-desktop");
    /** When the program was asked for, milliseconds since the epoch. */
    this.started = Date.now();
    const session = await this.#ask("POST", "/session", {
      capabilities: { alwaysMatch: { "webkitgtk:browserOptions": { binary, args } } },
    });
    this.#session = session.sessionId;
    /** The driver's process, whose child the program is. */
    this.pid = driver.pid;
  }

  async #ask(method, path, body) {
    const answer = await fetch(this.#base + path, { method, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(30_000) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  #command(method, path, body) {
    return this.#ask(method, `/session/${this.#session}${path}`, body);
  }

  /** Runs a function body in the page. */
  run(script, ...args) {
    return this.#command("POST", "/execute/sync", { script, args });
  }

  /** The page's visible text. */
  text() {
    return this.run("return document.body.innerText");
  }

  /** Waits until the page shows a text. */
  see(text, seconds) {
    return until(async () => (await this.text()).includes(text), `“${text}” on the page`, seconds);
  }

  /** Waits until the page shows a text no longer. */
  gone(text, seconds) {
    return until(async () => !(await this.text()).includes(text), `the end of “${text}”`, seconds);
  }

  /** Clicks with the mouse on the first visible thing that can be clicked and whose accessible name contains this. */
  async click(label, selector = "button, a, [role=row], [role=tab], [role=menuitem], label, summary") {
    const element = await until(
      () =>
        this.run(
          `const visible = (e) => e.getClientRects().length > 0 && !e.disabled;
           const name = (e) => (e.getAttribute("aria-label") ?? "") + " " + e.innerText;
           return [...document.querySelectorAll(arguments[1])].find((e) => visible(e) && name(e).includes(arguments[0])) ?? null;`,
          label,
          selector,
        ),
      `something to click with the name “${label}”`,
    );
    await this.#command("POST", `/element/${element[ELEMENT]}/click`, {});
  }

  /** Types keys, one after the other, into whatever has the focus. */
  async press(keys) {
    const actions = [...keys].flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.#command("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Presses a key while others are held. */
  async chord(held, value) {
    const down = [...held].map((key) => ({ type: "keyDown", value: key }));
    const up = [...held].map((key) => ({ type: "keyUp", value: key }));
    const actions = [...down, { type: "keyDown", value }, { type: "keyUp", value }, ...up];
    await this.#command("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Keeps a picture of the page in the folder that `CALA_PICTURES` names. */
  async picture(name) {
    const folder = process.env.CALA_PICTURES;
    if (!folder) return;
    // By the display: the driver's own way waits for ever where there is no compositor.
    mkdirSync(folder, { recursive: true });
    await pause(400);
    spawnSync("import", ["-silent", "-window", "root", "-display", this.display, join(folder, `${name}.png`)], { timeout: 20_000 });
  }

  async close() {
    if (this.#session) await this.#command("DELETE", "").catch(() => {});
    for (const child of this.#processes.reverse()) {
      if (child.exitCode === null && child.pid) {
        child.kill("SIGTERM");
        await Promise.race([new Promise((resolve) => child.once("exit", resolve)), pause(3000)]);
        if (child.exitCode === null) child.kill("SIGKILL");
      }
    }
  }
}
