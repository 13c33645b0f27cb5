import { describe, expect, it } from 'vitest';
import { gridLayout, pageCount, pageOf, phoneColumns, tileRatio } from './gridLayout';

describe('gridLayout', () => {
  it('puts nine people into three columns of a wide area', () => {
    const layout = gridLayout(9, 1248, 660, 8);

    expect(layout).toMatchObject({ cols: 3, rows: 3 });
  });

  it('stacks two people on a phone and takes two columns from five on', () => {
    expect(gridLayout(2, 374, 650, 8, phoneColumns(2))).toMatchObject({ cols: 1, rows: 2 });
    expect(gridLayout(6, 374, 720, 8, phoneColumns(6))).toMatchObject({ cols: 2, rows: 3 });
    expect(gridLayout(9, 374, 650, 8, phoneColumns(9))).toMatchObject({ cols: 2, rows: 5 });
  });

  it('never overflows the area and never finds smaller tiles than another grid', () => {
    for (let count = 1; count <= 49; count += 1) {
      for (const [width, height] of [[390, 600], [928, 660], [1248, 660], [1872, 940]] as const) {
        const { cols, rows, width: w, height: h } = gridLayout(count, width, height, 8);

        expect(cols * rows).toBeGreaterThanOrEqual(count);
        expect(w * cols + 8 * (cols - 1)).toBeLessThanOrEqual(width + 0.001);
        expect(h * rows + 8 * (rows - 1)).toBeLessThanOrEqual(height + 0.001);
        for (let other = 1; other <= count; other += 1) {
          const otherRows = Math.ceil(count / other);
          const byWidth = (width - (other - 1) * 8) / other;
          const byHeight = ((height - (otherRows - 1) * 8) / otherRows) * tileRatio;
          expect(w).toBeGreaterThanOrEqual(Math.min(byWidth, byHeight) - 0.001);
        }
      }
    }
  });

  it('gives empty tiles for an area that was not measured yet', () => {
    expect(gridLayout(3, 0, 0, 8).width).toBe(0);
  });
});

describe('pages', () => {
  it('keeps one page even without tiles', () => {
    expect(pageCount(0, 4)).toBe(1);
  });

  it('shows the last page when the asked one has gone', () => {
    expect(pageOf([1, 2, 3, 4, 5], 7, 4)).toEqual([5]);
    expect(pageOf([1, 2, 3, 4, 5], -1, 4)).toEqual([1, 2, 3, 4]);
  });
});
