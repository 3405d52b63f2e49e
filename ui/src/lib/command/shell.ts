// Words as a POSIX shell splits and quotes them; nothing is expanded.

/** Text that cannot be split: a quote is open. */
export class OpenQuote extends Error {}

/** Splits a line into words: quotes, backslashes, line continuations and comments as in sh(1). */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = null;
      else word = (word ?? "") + c;
    } else if (c === "\\") {
      const next = text.charAt(++i);
      if (next === "\r" && text.charAt(i + 1) === "\n") i++;
      else if (next === "\n") continue;
      else if (quote && !'"\\$`'.includes(next)) word = `${word ?? ""}\\${next}`;
      else word = (word ?? "") + next;
    } else if (quote === '"') {
      if (c === '"') quote = null;
      else word = (word ?? "") + c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (c === "#" && word === null) {
      while (i + 1 < text.length && text.charAt(i + 1) !== "\n") i++;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote) throw new OpenQuote();
  if (word !== null) words.push(word);
  return words;
}

/** A word so that a shell reads it back unchanged. */
export function quoteWord(word: string): string {
  if (word !== "" && /^[\w@%+=:,./•-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Words joined to a line that can be pasted into a terminal. */
export function quoteLine(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}
