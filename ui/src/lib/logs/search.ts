// Finding in a log: plain text without regard to case, or a regular expression.

/** A test for lines, and where in a line it hits. */
export interface Query {
  matches(text: string): boolean;
  /** Hits as [from, to), at most 200 a line. */
  ranges(text: string): Array<[number, number]>;
}

const MAX_RANGES = 200;

/** A query, or null when there is nothing to look for, or the reason why a regular expression cannot be used. */
export function makeQuery(text: string, regex: boolean): Query | null | { invalid: string } {
  if (text === "") return null;
  let pattern: RegExp;
  try {
    pattern = new RegExp(regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
  } catch (error) {
    return { invalid: error instanceof Error ? error.message : String(error) };
  }
  return {
    matches(line) {
      pattern.lastIndex = 0;
      return pattern.test(line);
    },
    ranges(line) {
      const ranges: Array<[number, number]> = [];
      for (const match of line.matchAll(pattern)) {
        if (match[0] !== "") ranges.push([match.index, match.index + match[0].length]);
        if (ranges.length === MAX_RANGES) break;
      }
      return ranges;
    },
  };
}
