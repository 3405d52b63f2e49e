// Which rows of a list are ticked.

export class Selection {
  #ids = $state.raw<ReadonlySet<string>>(new Set());
  #anchor: string | null = null;

  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Turns one over; with `range`, everything from the last one that was turned over. */
  toggle(id: string, range: boolean, rows: ReadonlyArray<{ id: string }>): void {
    const next = new Set(this.#ids);
    const from = range ? rows.findIndex((row) => row.id === this.#anchor) : -1;
    const to = rows.findIndex((row) => row.id === id);
    if (from >= 0 && to >= 0) for (const row of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(row.id);
    else if (!next.delete(id)) next.add(id);
    this.#anchor = id;
    this.#ids = next;
  }

  set(rows: ReadonlyArray<{ id: string }>): void {
    this.#ids = new Set(rows.map((row) => row.id));
  }

  clear(): void {
    this.#ids = new Set();
  }

  /** Of the rows that are there, those that are ticked. */
  of<Row extends { id: string }>(rows: readonly Row[]): Row[] {
    return this.#ids.size === 0 ? [] : rows.filter((row) => this.#ids.has(row.id));
  }
}
