/** Columns and rows of a grid and the size of its tiles in px. */
export interface GridLayout {
  cols: number;
  rows: number;
  width: number;
  height: number;
}

/** Fewest and most columns of a grid. */
export interface Columns {
  min: number;
  max: number;
}

const anyColumns: Columns = { min: 1, max: Infinity };

/** Columns on a phone: from 5 people on, one narrow column wastes both sides. */
export const phoneColumns = (count: number): Columns => ({ min: count > 4 ? 2 : 1, max: 2 });

/** Width to height of every tile. */
export const tileRatio = 16 / 9;

/**
 * Finds the columns and rows that give the largest 16:9 tiles in an area of `width` x `height` px.
 *
 * Of equal tiles the flatter grid wins. `columns` bounds the columns (up to 2 on phones). An area
 * without size or a count of 0 gives tiles of size 0.
 */
export function gridLayout(count: number, width: number, height: number, gap: number, columns: Columns = anyColumns): GridLayout {
  let best: GridLayout = { cols: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let cols = Math.max(1, Math.min(count, columns.min)); cols <= Math.min(count, columns.max); cols += 1) {
    const rows = Math.ceil(count / cols);
    const byWidth = (width - (cols - 1) * gap) / cols;
    const byHeight = ((height - (rows - 1) * gap) / rows) * tileRatio;
    const tile = Math.max(0, Math.min(byWidth, byHeight));
    if (tile >= best.width) best = { cols, rows, width: tile, height: tile / tileRatio };
  }
  return best;
}

/** Number of pages for `count` tiles; at least 1. */
export const pageCount = (count: number, perPage: number): number => Math.max(1, Math.ceil(count / perPage));

/** The tiles of a page; a page past the end shows the last one. */
export function pageOf<T>(items: readonly T[], page: number, perPage: number): T[] {
  const last = pageCount(items.length, perPage) - 1;
  const from = Math.min(Math.max(0, page), last) * perPage;
  return items.slice(from, from + perPage);
}
