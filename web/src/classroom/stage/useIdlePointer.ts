import { useCallback, useEffect, useRef, useState } from 'react';

/** Controls over a shared screen fade after this time without a pointer. */
const idleMs = 3000;

/** Whether the pointer has rested or left for a while. */
export function useIdlePointer() {
  const [idle, setIdle] = useState(false);
  const timer = useRef<number>(undefined);
  const wake = useCallback(() => {
    setIdle(false);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setIdle(true);
    }, idleMs);
  }, []);
  useEffect(() => {
    wake();
    return () => {
      window.clearTimeout(timer.current);
    };
  }, [wake]);
  return { idle, handlers: { onPointerMove: wake, onPointerDown: wake, onFocus: wake } };
}
