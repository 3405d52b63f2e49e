// Where each row of a log stands when rows may be several lines high: cumulative heights, found by binary search.

import { stripAnsi } from "./ansi";

/** Heights in text lines of the rows shown, oldest first. */
export class RowLayout {
  /** `#ends[i]` is the sum of heights up to and including row i, counted from the first row ever pushed. */
  #ends: number[] = [];
  #head = 0;
  /** The sum of the heights of all rows that were dropped. */
  #base = 0;

  get rows(): number {
    return this.#ends.length - this.#head;
  }

  /** Height of all rows in text lines. */
  get height(): number {
    return (this.#ends.at(-1) ?? this.#base) - this.#base;
  }

  push(height: number): void {
    this.#ends.push((this.#ends.at(-1) ?? this.#base) + Math.max(height, 1));
  }

  /** The newest row changed its height. */
  replaceLast(height: number): void {
    if (this.rows === 0) return;
    this.#ends.pop();
    this.push(height);
  }

  /** Forgets the oldest rows; answers how many text lines went. */
  dropFront(rows: number): number {
    const count = Math.min(rows, this.rows);
    if (count === 0) return 0;
    const base = this.#ends[this.#head + count - 1] ?? this.#base;
    const gone = base - this.#base;
    this.#head += count;
    this.#base = base;
    if (this.#head === this.#ends.length) {
      this.#ends = [];
      this.#head = 0;
    } else if (this.#head > 4096 && this.#head > this.#ends.length / 2) {
      this.#ends = this.#ends.slice(this.#head);
      this.#head = 0;
    }
    return gone;
  }

  clear(): void {
    this.#ends = [];
    this.#head = 0;
    this.#base = 0;
  }

  /** Text line at which the row begins. */
  top(row: number): number {
    return row <= 0 ? 0 : (this.#ends[this.#head + row - 1] ?? this.#base + this.height) - this.#base;
  }

  /** The row at a text line; the last one beyond the end. */
  rowAt(line: number): number {
    let low = 0;
    let high = Math.max(this.rows - 1, 0);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) > line) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const ESC = 0x1b;
const BRACKET = 0x5b;

/** The width of a raw line that holds nothing but ASCII and colours, -1 for any other. No copy is made: a hundred
 *  thousand lines are measured before they are seen. */
function plainWidth(raw: string): number {
  let width = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code >= 0x20 && code < 0x7f) width++;
    else if (code !== ESC || raw.charCodeAt(i + 1) !== BRACKET) return -1;
    else {
      i += 2;
      while (i < raw.length && !(raw.charCodeAt(i) >= 0x40 && raw.charCodeAt(i) < 0x7f)) i++;
    }
  }
  return width;
}

/** How many lines a raw line takes at this many columns. */
export function rawHeight(raw: string, columns: number): number {
  const width = plainWidth(raw);
  return width < 0 ? wrappedHeight(stripAnsi(raw), columns) : Math.max(1, Math.ceil(width / Math.max(columns, 1)));
}

/** How many lines a text takes at this many columns; wide characters count two. */
export function wrappedHeight(text: string, columns: number): number {
  if (/^[ -~]*$/.test(text)) return Math.max(1, Math.ceil(text.length / Math.max(columns, 1)));
  let width = 0;
  for (const character of text) width += character === "\t" ? 8 - (width % 8) : isWide(character) ? 2 : 1;
  return Math.max(1, Math.ceil(width / Math.max(columns, 1)));
}

function isWide(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300);
}
