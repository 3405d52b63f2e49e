// Sizes as `--memory` and `--shm-size` take them: a number and b, k, m, g or t, powers of 1024.

const POWERS = ["b", "k", "m", "g", "t"];

/** Bytes, or null when the text is not a size. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([bkmgt])?(?:i?b)?\s*$/i.exec(text);
  if (!match) return null;
  return Math.floor(Number(match[1]) * 1024 ** POWERS.indexOf((match[2] ?? "b").toLowerCase()));
}

/** The shortest form that is exact: 536870912 → `512m`. */
export function printSize(bytes: number): string {
  let power = 0;
  while (power < POWERS.length - 1 && bytes !== 0 && bytes % 1024 === 0) {
    bytes /= 1024;
    power++;
  }
  return `${bytes}${POWERS[power]}`;
}
