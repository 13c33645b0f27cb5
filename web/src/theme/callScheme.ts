import { createContext, use, useLayoutEffect } from 'react';

export const CallSchemeContext = createContext<{ setInCall: (inCall: boolean) => void }>({
  setInCall: () => undefined,
});

/** Keeps the whole page dark while the calling component is mounted, whatever theme is chosen. */
export function useCallScheme(): void {
  const { setInCall } = use(CallSchemeContext);
  useLayoutEffect(() => {
    setInCall(true);
    return () => {
      setInCall(false);
    };
  }, [setInCall]);
}
