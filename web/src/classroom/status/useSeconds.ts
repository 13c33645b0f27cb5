import { useEffect, useState } from 'react';

/** Whole seconds since a moment in Unix ms, counted while mounted. */
export function useSeconds(since: number): number {
  const [seconds, setSeconds] = useState(() => Math.max(0, Math.floor((Date.now() - since) / 1000)));
  useEffect(() => {
    const timer = window.setInterval(() => {
      setSeconds(Math.max(0, Math.floor((Date.now() - since) / 1000)));
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, [since]);
  return seconds;
}

/** `65` → `1:05`, `3700` → `1:01:40`. */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
