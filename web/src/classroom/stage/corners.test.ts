import { describe, expect, it } from 'vitest';
import { cornerByKey, corners, nearestCorner } from './corners';

describe('the corner of the own picture', () => {
  it('is the one nearest to where the picture is dropped', () => {
    expect(nearestCorner(0.1, 0.2)).toBe('topLeft');
    expect(nearestCorner(0.8, 0.2)).toBe('topRight');
    expect(nearestCorner(0.3, 0.9)).toBe('bottomLeft');
    expect(nearestCorner(1.2, 0.6)).toBe('bottomRight');
  });

  it('follows the arrow keys and stays put at the edge', () => {
    expect(cornerByKey('bottomRight', 'ArrowLeft')).toBe('bottomLeft');
    expect(cornerByKey('bottomLeft', 'ArrowUp')).toBe('topLeft');
    expect(cornerByKey('topLeft', 'ArrowUp')).toBe('topLeft');
    expect(cornerByKey('topLeft', 'ArrowRight')).toBe('topRight');
    expect(cornerByKey('topRight', 'ArrowDown')).toBe('bottomRight');
  });

  it('ignores every other key', () => {
    for (const corner of corners) expect(cornerByKey(corner, 'Enter')).toBeUndefined();
  });
});
