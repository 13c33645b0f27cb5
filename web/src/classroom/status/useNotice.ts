import { useCallback, useEffect, useRef, useState } from 'react';
import type { NoticeKind } from './notices';

const shownMs = 7000;

/** The latest notice, which goes by itself. */
export function useNotice(): [NoticeKind | undefined, (kind: NoticeKind) => void] {
  const [notice, setNotice] = useState<NoticeKind>();
  const timer = useRef<number>(undefined);
  const notify = useCallback((kind: NoticeKind) => {
    setNotice(kind);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setNotice(undefined);
    }, shownMs);
  }, []);
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
    },
    [],
  );
  return [notice, notify];
}
