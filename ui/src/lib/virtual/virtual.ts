// Which rows of a long list are worth drawing.

export interface Slice {
  /** First row to draw and the one after the last. */
  from: number;
  to: number;
}

/** Rows that meet the viewport, and `overscan` more on both sides. Sizes in pixels. */
export function visibleSlice(count: number, rowHeight: number, scrollTop: number, viewport: number, overscan = 6): Slice {
  const last = Math.max(count, 0);
  const from = Math.floor(Math.max(scrollTop, 0) / rowHeight) - overscan;
  const to = Math.ceil((Math.max(scrollTop, 0) + Math.max(viewport, 0)) / rowHeight) + overscan;
  return { from: Math.min(Math.max(from, 0), last), to: Math.min(Math.max(to, 0), last) };
}

/** The scroll position that brings a row into view with the least movement. */
export function scrollToShow(row: number, rowHeight: number, scrollTop: number, viewport: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewport) return top + rowHeight - viewport;
  return scrollTop;
}
