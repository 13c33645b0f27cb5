import { useRef, type TouchEvent } from 'react';

/** Shorter movements than this in px are taps. */
const minimum = 48;

/** Put on what is dragged or scrolled sideways itself, so that it is no swipe of what is around it. */
export const noSwipe = {
  onTouchStart: (event: TouchEvent) => {
    event.stopPropagation();
  },
};

/** Calls back with 1 for a swipe to the left and -1 for one to the right. */
export function useSwipe(onSwipe: (step: 1 | -1) => void) {
  const start = useRef<{ x: number; y: number }>(undefined);
  return {
    onTouchStart: (event: TouchEvent) => {
      const touch = event.touches[0];
      start.current = touch && event.touches.length === 1 ? { x: touch.clientX, y: touch.clientY } : undefined;
    },
    onTouchEnd: (event: TouchEvent) => {
      const from = start.current;
      const touch = event.changedTouches[0];
      start.current = undefined;
      if (!from || !touch) return;
      const dx = touch.clientX - from.x;
      const dy = touch.clientY - from.y;
      if (Math.abs(dx) < minimum || Math.abs(dx) < 2 * Math.abs(dy)) return;
      onSwipe(dx < 0 ? 1 : -1);
    },
  };
}
