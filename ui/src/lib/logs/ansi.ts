// ECMA-48 as programs write it into logs: colours become spans, everything else disappears. Nothing here makes a link,
// moves a cursor or sets a title: OSC 8 keeps its text and drops its address.

/** How a span looks. Colours are palette numbers 0–255 or `#rrggbb`. */
export interface Style {
  fg?: number | string;
  bg?: number | string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
  inverse?: true;
}

export interface Span {
  text: string;
  style: Style;
}

/** No colour, nothing else. */
export const PLAIN: Style = {};

const ESC = "\u001b";

// One escape sequence at `lastIndex`: CSI, string sequences (OSC, DCS, PM, APC, SOS; ended by BEL, ST, or the line), two-byte ones.
const SEQUENCE =
  // eslint-disable-next-line no-control-regex -- these are the control characters it is about
  /\u001b(?:\[([0-9:;<=>?]*)[ -/]*([@-~])|[\]P^_X][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~]|$)/y;

/** All of them; an escape character that begins none goes alone. */
const SEQUENCES = new RegExp(`${SEQUENCE.source}|${ESC}`, "g");

// eslint-disable-next-line no-control-regex -- these are the control characters it is about
const CONTROL = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;

/** What is left of a line on a terminal: text after the last carriage return. */
function afterReturn(line: string): string {
  if (!line.includes("\r")) return line;
  const trimmed = line.replace(/\r+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

/** The line's spans; at least one unless the line is empty. `start` is how the line before it left the terminal. */
export function parseAnsi(raw: string, start: Style = PLAIN): Span[] {
  const line = afterReturn(raw);
  if (!line.includes(ESC)) return line === "" ? [] : [{ text: line.replace(CONTROL, ""), style: start }];
  const spans: Span[] = [];
  let style: Style = start;
  let at = 0;
  while (at < line.length) {
    const next = line.indexOf(ESC, at);
    const text = line.slice(at, next < 0 ? undefined : next).replace(CONTROL, "");
    if (text !== "") spans.push({ text, style });
    if (next < 0) break;
    SEQUENCE.lastIndex = next;
    const match = SEQUENCE.exec(line);
    if (!match) {
      at = next + 1;
      continue;
    }
    if (match[2] === "m") style = applySgr(style, match[1] ?? "");
    at = next + Math.max(match[0].length, 1);
  }
  return spans;
}

/** The text alone, as search and saving see it. */
export function stripAnsi(raw: string): string {
  if (!raw.includes(ESC) && !raw.includes("\r")) return raw;
  return afterReturn(raw).replace(SEQUENCES, "").replace(CONTROL, "");
}

const SGR =
  // eslint-disable-next-line no-control-regex -- these are the control characters it is about
  /\u001b\[([0-9:;]*)m/g;

/** How the terminal is left at the end of a line: a colour lasts until something ends it. */
export function endStyle(raw: string, start: Style): Style {
  if (!raw.includes(ESC)) return start;
  let style = start;
  for (const match of raw.matchAll(SGR)) style = applySgr(style, match[1] ?? "");
  return Object.keys(style).length === 0 ? PLAIN : style;
}

/** Select Graphic Rendition (ECMA-48 §8.3.117) on top of a style. */
function applySgr(before: Style, parameters: string): Style {
  if (/[<=>?]/.test(parameters)) return before;
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let style: Style = { ...before };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) style = {};
    else if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(codes.slice(i + 1));
      i += used;
      if (colour !== undefined) style[code === 38 ? "fg" : "bg"] = colour;
    } else applyCode(style, code);
  }
  return style;
}

function extendedColour(codes: number[]): [colour: number | string | undefined, used: number] {
  const byte = (value: number | undefined) => value !== undefined && value >= 0 && value <= 255;
  if (codes[0] === 5) return [byte(codes[1]) ? codes[1] : undefined, 2];
  if (codes[0] !== 2) return [undefined, 1];
  const rgb = codes.slice(1, 4);
  if (rgb.length < 3 || !rgb.every(byte)) return [undefined, 4];
  return [`#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`, 4];
}

function applyCode(style: Style, code: number): void {
  if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 3) style.italic = true;
  else if (code === 4) style.underline = true;
  else if (code === 7) style.inverse = true;
  else if (code === 9) style.strike = true;
  else if (code === 22) {
    delete style.bold;
    delete style.dim;
  } else if (code === 23) delete style.italic;
  else if (code === 24) delete style.underline;
  else if (code === 27) delete style.inverse;
  else if (code === 29) delete style.strike;
  else if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code === 39) delete style.fg;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code === 49) delete style.bg;
  else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
  else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
}

const LEVELS = [0, 95, 135, 175, 215, 255];

/** A palette number as a CSS colour; the first 16 are the theme's own. */
export function cssColour(colour: number | string): string {
  if (typeof colour === "string") return colour;
  if (colour < 16) return `var(--ansi-${colour})`;
  if (colour >= 232) {
    const grey = 8 + (colour - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const index = colour - 16;
  const level = (divisor: number) => LEVELS[Math.floor(index / divisor) % 6] ?? 0;
  return `rgb(${level(36)} ${level(6)} ${level(1)})`;
}
