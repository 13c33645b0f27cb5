import { createContext, use, useLayoutEffect } from 'react';

/** Counts what wants the page to be dark, since one dark screen follows another in a call. */
export const CallSchemeContext = createContext<{ add: (step: number) => void }>({ add: () => undefined });

/** Keeps the whole page dark while the calling component is mounted, whatever theme is chosen. */
export function useCallScheme(): void {
  const { add } = use(CallSchemeContext);
  useLayoutEffect(() => {
    add(1);
    return () => {
      add(-1);
    };
  }, [add]);
}
