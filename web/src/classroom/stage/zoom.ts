/** How a shared screen is shown; `scale` counts only when zoomed and is relative to fitting. */
export interface Zoom {
  mode: 'fit' | 'actual' | 'zoomed';
  scale: number;
}

export const fitZoom: Zoom = { mode: 'fit', scale: 1 };

const steps = [1, 1.5, 2, 3, 4] as const;

/** The next larger step; stays at the largest. */
export function zoomIn(zoom: Zoom): Zoom {
  const from = zoom.mode === 'zoomed' ? zoom.scale : 1;
  const scale = steps.find((step) => step > from) ?? steps[steps.length - 1] ?? 1;
  return { mode: 'zoomed', scale };
}

/** The next smaller step; below the smallest the picture fits again. */
export function zoomOut(zoom: Zoom): Zoom {
  const scale = steps.findLast((step) => step < zoom.scale) ?? 1;
  return scale <= 1 ? fitZoom : { mode: 'zoomed', scale };
}
