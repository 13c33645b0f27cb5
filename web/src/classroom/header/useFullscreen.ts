import { useEffect, useState } from 'react';

/** Whether the page fills the screen, and the way in and out; undefined where that cannot be. */
export function useFullscreen(): { on: boolean; toggle: () => void } | undefined {
  const [on, setOn] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const read = () => {
      setOn(document.fullscreenElement !== null);
    };
    document.addEventListener('fullscreenchange', read);
    return () => {
      document.removeEventListener('fullscreenchange', read);
    };
  }, []);
  if (!document.fullscreenEnabled) return undefined;
  const toggle = () => {
    const done = on ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    done.catch(() => {
      setOn(document.fullscreenElement !== null);
    });
  };
  return { on, toggle };
}
