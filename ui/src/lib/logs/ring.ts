// The lines of a log that the window keeps: the newest, bounded by number and by characters.

import type { WireLogLine } from "../backend/backend";
import { endStyle, PLAIN, type Style } from "./ansi";

export interface LogLine {
  /** Counts from 0 since the log was opened; never changes. */
  number: number;
  /** Nanoseconds since the Unix epoch, 0 when unknown. */
  timeNs: number;
  stderr: boolean;
  text: string;
  /** The colours that the lines before it left on. */
  start: Style;
}

export const MAX_LINES = 200_000;
export const MAX_CHARACTERS = 32_000_000;
/** A longer line is cut here; nobody reads it and no layout bears it. */
export const MAX_LINE = 20_000;

/** What an append did. */
export interface Appended {
  added: number;
  /** The last line that was there before went on (it was partial). */
  extended: boolean;
  dropped: number;
}

const PARTIAL = 2;
const STDERR = 1;

/** A ring of lines; the oldest go when it is full. */
export class LogRing {
  #lines: LogLine[] = [];
  #head = 0;
  #next = 0;
  #characters = 0;
  #open: { stdout: LogLine | null; stderr: LogLine | null } = { stdout: null, stderr: null };
  #colours: { stdout: Style; stderr: Style } = { stdout: PLAIN, stderr: PLAIN };

  constructor(
    private readonly maxLines = MAX_LINES,
    private readonly maxCharacters = MAX_CHARACTERS,
  ) {}

  /** The number of the oldest line that is still here. */
  get first(): number {
    return this.#next - this.length;
  }

  get length(): number {
    return this.#lines.length - this.#head;
  }

  get characters(): number {
    return this.#characters;
  }

  /** The line with this number, if it is still here. */
  at(number: number): LogLine | undefined {
    const index = this.#head + number - this.first;
    return index < this.#head ? undefined : this.#lines[index];
  }

  append(items: readonly WireLogLine[]): Appended {
    const before = this.#next;
    let extended = false;
    for (const [timeNs, bits, text] of items) {
      const stderr = (bits & STDERR) !== 0;
      const stream = stderr ? "stderr" : "stdout";
      const open = this.#open[stream];
      let line = open;
      // Only the newest line may go on growing: what is above it has its place already.
      if (line && line.number === this.#next - 1) {
        extended ||= line.number < before;
        this.#grow(line, text);
      } else {
        line = { number: this.#next++, timeNs, stderr, text: "", start: this.#colours[stream] };
        this.#lines.push(line);
        this.#grow(line, text);
      }
      this.#colours[stream] = endStyle(text, this.#colours[stream]);
      this.#open[stream] = (bits & PARTIAL) !== 0 ? line : null;
    }
    return { added: this.#next - before, extended, dropped: this.#trim() };
  }

  clear(): void {
    this.#lines = [];
    this.#head = 0;
    this.#next = 0;
    this.#characters = 0;
    this.#open = { stdout: null, stderr: null };
    this.#colours = { stdout: PLAIN, stderr: PLAIN };
  }

  #grow(line: LogLine, text: string): void {
    const room = MAX_LINE - line.text.length;
    const taken = text.length > room ? `${text.slice(0, Math.max(room - 1, 0))}…` : text;
    if (room <= 0) return;
    line.text += taken;
    this.#characters += taken.length;
  }

  #trim(): number {
    let dropped = 0;
    while (this.length > this.maxLines || (this.#characters > this.maxCharacters && this.length > 1)) {
      this.#characters -= this.#lines[this.#head]?.text.length ?? 0;
      this.#head++;
      dropped++;
    }
    // Give the memory back in large steps, so that dropping one line stays cheap.
    if (this.#head > 4096 && this.#head > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#head);
      this.#head = 0;
    }
    return dropped;
  }
}
