import { useEffect } from 'react';

/** Keeps the screen from going dark while mounted, where the browser can. */
export function useWakeLock(): void {
  useEffect(() => {
    if (!('wakeLock' in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let current = true;
    const take = () => {
      if (document.visibilityState !== 'visible') return;
      navigator.wakeLock.request('screen').then(
        (taken) => {
          if (current) lock = taken;
          else void taken.release();
        },
        () => {
          lock = undefined;
        },
      );
    };
    take();
    document.addEventListener('visibilitychange', take);
    return () => {
      current = false;
      document.removeEventListener('visibilitychange', take);
      void lock?.release();
    };
  }, []);
}
