// A log on the screen: the ring, which of its lines are shown, and where. The component only draws and scrolls.

import type { Backend, LogItem, OpenChannel, WireLogLine } from "../backend/backend";
import type { ErrorBody } from "../generated";
import { stripAnsi } from "./ansi";
import { RowLayout, rawHeight } from "./layout";
import { LogRing, type LogLine } from "./ring";
import { makeQuery, type Query } from "./search";

/** A row to draw; `top` and `height` in text lines. */
export interface ShownRow {
  line: LogLine;
  top: number;
  height: number;
}

const TAIL = 200_000;

export class LogView {
  readonly #ring = new LogRing();
  readonly #layout = new RowLayout();
  /** Grows with every change that is to be drawn, at most once a frame. */
  version = $state(0);
  follow = $state(true);
  wrap = $state(false);
  timestamps = $state(false);
  onlyMatches = $state(false);
  status = $state<"loading" | "live" | "ended" | "failed">("loading");
  error = $state.raw<ErrorBody | null>(null);
  query = $state.raw<Query | null>(null);
  invalid = $state<string | null>(null);
  /** Which match is looked at, from 0; -1 none. */
  current = $state(-1);
  /** Older lines that were not even asked for. */
  #skipped = 0;
  /** Text lines that went at the top since the last drawing. */
  gone = 0;
  #matches: number[] = [];
  #columns = 120;
  #channel: OpenChannel | null = null;
  #scheduled = false;

  constructor(
    private readonly backend: Backend,
    private readonly id: string,
  ) {}

  open(): void {
    this.#channel?.close();
    this.#ring.clear();
    this.#skipped = 0;
    this.#matches = [];
    this.current = -1;
    this.#rebuild();
    this.status = "loading";
    this.#channel = this.backend.open("logs", { id: this.id, tail: TAIL, follow: true }, {
      batch: (items) => this.#take(items),
      end: () => {
        this.status = "ended";
        this.#draw();
      },
      error: (error) => {
        this.error = error;
        this.status = "failed";
      },
    });
  }

  close(): void {
    this.#channel?.close();
  }

  get lines(): number {
    return this.#ring.length;
  }

  /** How many lines the log has; more than are kept here when it is long. */
  get whole(): number {
    return this.#skipped + this.#ring.first + this.#ring.length;
  }

  get matchCount(): number {
    return this.#matches.length;
  }

  /** Height of everything shown, in text lines. */
  get height(): number {
    return this.#layout.height;
  }

  /** The rows between two text lines. */
  rows(from: number, to: number): ShownRow[] {
    const shown: ShownRow[] = [];
    for (let row = this.#layout.rowAt(from); row < this.#layout.rows; row++) {
      const top = this.#layout.top(row);
      if (top > to) break;
      const line = this.#ring.at(this.#filtered ? (this.#matches[row] ?? -1) : this.#ring.first + row);
      if (line) shown.push({ line, top, height: this.#layout.top(row + 1) - top });
    }
    return shown;
  }

  setColumns(columns: number): void {
    if (columns === this.#columns || columns < 1) return;
    this.#columns = columns;
    if (this.wrap) this.#rebuild();
  }

  setWrap(wrap: boolean): void {
    this.wrap = wrap;
    this.#rebuild();
  }

  setOnlyMatches(only: boolean): void {
    this.onlyMatches = only;
    this.#rebuild();
  }

  search(text: string, regex: boolean): void {
    const query = makeQuery(text, regex);
    this.invalid = query && "invalid" in query ? query.invalid : null;
    this.query = query && "matches" in query ? query : null;
    this.#matches = [];
    if (this.query) for (let n = this.#ring.first; n < this.#ring.first + this.#ring.length; n++) this.#test(n);
    this.current = -1;
    this.#rebuild();
  }

  /** Goes to the next match or the one before; answers the text line where it stands. */
  step(by: 1 | -1): number | null {
    const count = this.#matches.length;
    if (count === 0) return null;
    this.current = this.current < 0 ? (by > 0 ? 0 : count - 1) : (this.current + by + count) % count;
    this.follow = false;
    const number = this.#matches[this.current] ?? 0;
    return this.#layout.top(this.#filtered ? this.current : number - this.#ring.first);
  }

  /** The number of the line of the current match. */
  get currentLine(): number {
    return this.#matches[this.current] ?? -1;
  }

  get #filtered(): boolean {
    return this.onlyMatches && this.query !== null;
  }

  #take(items: readonly LogItem[]): void {
    const lines: WireLogLine[] = [];
    for (const item of items) {
      if (Array.isArray(item)) lines.push(item);
      else if ("skipped" in item) this.#skipped = item.skipped;
      else if (this.status === "loading") this.status = "live";
    }
    if (lines.length > 0) this.#append(lines);
    else this.#draw();
  }

  #append(items: readonly WireLogLine[]): void {
    const { added, extended, dropped } = this.#ring.append(items);
    const end = this.#ring.first + this.#ring.length;
    if (extended && !this.#filtered) this.#layout.replaceLast(this.#heightOf(end - added - 1));
    for (let n = end - added; n < end; n++) {
      const hit = this.#test(n);
      if (!this.#filtered || hit) this.#layout.push(this.#heightOf(n));
    }
    if (dropped > 0) this.#drop(dropped);
    this.#draw();
  }

  #drop(dropped: number): void {
    let stale = 0;
    while (stale < this.#matches.length && (this.#matches[stale] ?? 0) < this.#ring.first) stale++;
    if (stale > 0) {
      this.#matches.splice(0, stale);
      this.current = Math.max(-1, this.current - stale);
    }
    this.gone += this.#layout.dropFront(this.#filtered ? stale : dropped);
  }

  #test(number: number): boolean {
    const line = this.#ring.at(number);
    const hit = !!line && !!this.query?.matches(stripAnsi(line.text));
    if (hit) this.#matches.push(number);
    return hit;
  }

  #heightOf(number: number): number {
    if (!this.wrap) return 1;
    return rawHeight(this.#ring.at(number)?.text ?? "", this.#columns);
  }

  #rebuild(): void {
    this.#layout.clear();
    this.gone = 0;
    if (this.#filtered) for (const number of this.#matches) this.#layout.push(this.#heightOf(number));
    else for (let n = this.#ring.first; n < this.#ring.first + this.#ring.length; n++) this.#layout.push(this.#heightOf(n));
    this.#draw();
  }

  #draw(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.version++;
    });
  }
}
