// One terminal in one container: an xterm.js over the channel `exec` (a shell) or `attach` (its own program). It lives on while its page is not shown.

import type { FitAddon } from "@xterm/addon-fit";
import type { ITheme, Terminal } from "@xterm/xterm";
import type { Backend, ExecItem, OpenChannel } from "../backend/backend";
import type { ErrorBody } from "../generated";
import { fromBase64, toBase64 } from "./base64";
import { cspDocument, withStandIns } from "./csp";

/** A shell of its own, or the container's program. */
export type SessionKind = "exec" | "attach";
export type SessionState = "connecting" | "open" | "ended" | "failed";

const encoder = new TextEncoder();
/** Bytes of one message: a pasted text goes in pieces that no way to the engine refuses. */
const INPUT = 32 * 1024;

/** The terminal's colours from the theme's tokens. */
function readTheme(element: Element): ITheme {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
  const theme: ITheme = {
    background: token("--terminal-bg"),
    foreground: token("--terminal-text"),
    cursor: token("--terminal-cursor"),
    cursorAccent: token("--terminal-bg"),
    selectionBackground: token("--terminal-selection"),
  };
  names.forEach((name, i) => {
    theme[name] = token(`--ansi-${i}`);
    theme[`bright${name.charAt(0).toUpperCase()}${name.slice(1)}` as "brightRed"] = token(`--ansi-${i + 8}`);
  });
  return theme;
}

export class Session {
  state = $state<SessionState>("connecting");
  error = $state.raw<ErrorBody | null>(null);
  exitCode = $state<number | null>(null);
  #host = document.createElement("div");
  #terminal: Terminal | null = null;
  #fit: FitAddon | null = null;
  #channel: OpenChannel | null = null;
  #closed = false;
  /** Where the keyboard goes when it leaves. */
  onleave: () => void = () => undefined;

  constructor(
    private readonly backend: Backend,
    private readonly id: string,
    private readonly kind: SessionKind,
    private readonly label: string,
  ) {
    this.#host.className = "terminal-host";
  }

  /** Shows it in a place of the page; answers how to take it away again. */
  attach(place: HTMLElement): () => void {
    place.append(this.#host);
    const observer = new ResizeObserver(() => this.fit());
    observer.observe(place);
    if (!this.#terminal) void this.#open(place);
    else {
      this.#terminal.options.theme = readTheme(place);
      this.fit();
      this.#terminal.focus();
    }
    return () => {
      observer.disconnect();
      this.#host.remove();
    };
  }

  restyle(): void {
    if (this.#terminal && this.#host.isConnected) this.#terminal.options.theme = readTheme(this.#host);
  }

  fit(): void {
    if (this.#host.isConnected && this.#host.clientWidth > 0) this.#fit?.fit();
  }

  focus(): void {
    this.#terminal?.focus();
  }

  /** Whether the keyboard is in it. */
  get focused(): boolean {
    return this.#host.contains(document.activeElement);
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#terminal?.dispose();
    this.#host.remove();
  }

  async #open(place: HTMLElement): Promise<void> {
    const [{ Terminal }, { FitAddon }] = await Promise.all([import("@xterm/xterm"), import("@xterm/addon-fit")]);
    if (this.#closed || this.#terminal) return;
    const terminal = new Terminal({
      fontFamily: getComputedStyle(place).getPropertyValue("--mono"),
      fontSize: 13,
      lineHeight: 1.25,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      scrollback: 5000,
      screenReaderMode: false,
      theme: readTheme(place),
      documentOverride: cspDocument(document),
      // OSC 8: a container's text must not open anything.
      linkHandler: { activate: () => undefined },
    });
    this.#terminal = terminal;
    this.#fit = new FitAddon();
    terminal.loadAddon(this.#fit);
    withStandIns(document, () => terminal.open(this.#host));
    terminal.textarea?.setAttribute("aria-label", this.label);
    this.fit();
    this.#connect(terminal);
    terminal.focus();
  }

  #connect(terminal: Terminal): void {
    const channel = this.backend.open(this.kind, { id: this.id, rows: terminal.rows, cols: terminal.cols }, {
      batch: (items) => this.#write(terminal, items),
      end: () => {
        if (this.state !== "failed") this.state = "ended";
      },
      error: (error) => {
        this.error = error;
        this.state = "failed";
      },
    });
    this.#channel = channel;
    terminal.onData((text) => {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length; at += INPUT) channel.send({ input: toBase64(bytes.subarray(at, at + INPUT)) });
    });
    terminal.onBinary((text) => channel.send({ input: btoa(text) }));
    terminal.onResize(({ rows, cols }) => channel.send({ resize: { rows, cols } }));
    terminal.attachCustomKeyEventHandler((event) => {
      if (!event.ctrlKey || event.altKey || event.metaKey) return true;
      // The window's own: sections. The program loses nothing that a keyboard has no other key for.
      if (!event.shiftKey) return !/^[1-4]$/.test(event.key);
      // With Shift they are the terminal's; without it they belong to the program.
      if (event.code !== "KeyC" && event.key !== "Escape") return true;
      if (event.type !== "keydown") return false;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") this.onleave();
      else if (terminal.hasSelection()) void navigator.clipboard.writeText(terminal.getSelection());
      return false;
    });
  }

  /** Kept when xterm has taken everything in: a program that never stops writing waits for the screen. */
  #write(terminal: Terminal, items: ExecItem[]): Promise<void> {
    if (this.state === "connecting") this.state = "open";
    return new Promise((resolve) => {
      for (const item of items) {
        if ("output" in item) terminal.write(fromBase64(item.output));
        else this.exitCode = item.exit;
      }
      terminal.write("", resolve);
    });
  }
}
