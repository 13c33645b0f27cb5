/** Where the own picture floats: one of the corners of the stage. */
export const corners = ['topLeft', 'topRight', 'bottomLeft', 'bottomRight'] as const;
export type Corner = (typeof corners)[number];

const storageKey = 'clapt.selfCorner';

const cornerAt = (right: boolean, bottom: boolean): Corner =>
  bottom ? (right ? 'bottomRight' : 'bottomLeft') : right ? 'topRight' : 'topLeft';

const isRight = (corner: Corner): boolean => corner === 'topRight' || corner === 'bottomRight';
const isBottom = (corner: Corner): boolean => corner === 'bottomLeft' || corner === 'bottomRight';

/** The corner that is nearest to a point, given as parts of the width and height. */
export const nearestCorner = (x: number, y: number): Corner => cornerAt(x > 0.5, y > 0.5);

/** The corner that an arrow key leads to; undefined for other keys. */
export function cornerByKey(corner: Corner, key: string): Corner | undefined {
  switch (key) {
    case 'ArrowLeft':
      return cornerAt(false, isBottom(corner));
    case 'ArrowRight':
      return cornerAt(true, isBottom(corner));
    case 'ArrowUp':
      return cornerAt(isRight(corner), false);
    case 'ArrowDown':
      return cornerAt(isRight(corner), true);
    default:
      return undefined;
  }
}

/** Where it was put last, else at the bottom right. */
export function loadCorner(): Corner {
  const stored = localStorage.getItem(storageKey);
  return corners.find((corner) => corner === stored) ?? 'bottomRight';
}

export function saveCorner(corner: Corner): void {
  localStorage.setItem(storageKey, corner);
}
