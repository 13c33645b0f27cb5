import { expect, it } from 'vitest';
import { fitZoom, zoomIn, zoomOut } from './zoom';

it('zooms in by steps and back until the picture fits', () => {
  const once = zoomIn(fitZoom);
  const twice = zoomIn(once);

  expect([once.scale, twice.scale]).toEqual([1.5, 2]);
  expect(zoomOut(twice)).toEqual(once);
  expect(zoomOut(once)).toEqual(fitZoom);
});

it('stays at the largest step', () => {
  expect(zoomIn({ mode: 'zoomed', scale: 4 }).scale).toBe(4);
});
