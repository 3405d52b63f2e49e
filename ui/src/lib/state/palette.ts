// Finding an action or an object by a few letters. Pure.

/** How well a text answers to the letters typed, higher is better; null when it does not. */
export function score(query: string, text: string): number | null {
  const wish = plain(query);
  const have = plain(text);
  if (wish === "") return 0;
  const at = have.indexOf(wish);
  if (at >= 0) return 100 - Math.min(at, 50) + (at === 0 || /[\s/_.:-]/.test(have.charAt(at - 1)) ? 50 : 0);
  let from = 0;
  let gaps = 0;
  for (const letter of wish.replace(/\s+/g, "")) {
    const found = have.indexOf(letter, from);
    if (found < 0) return null;
    gaps += found - from;
    from = found + 1;
  }
  return Math.max(1, 40 - gaps);
}

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** The best answers, best first; those that are equally good stay in order. */
export function best<T>(query: string, items: readonly T[], text: (item: T) => string, limit: number): T[] {
  const scored = items.flatMap((item) => {
    const value = score(query, text(item));
    return value === null ? [] : [{ item, value }];
  });
  return scored.sort((a, b) => b.value - a.value).slice(0, limit).map(({ item }) => item);
}
