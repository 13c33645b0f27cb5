import { useCallback, useEffect, useState } from 'react';
import { getInstance, type Instance } from './client';

export type InstanceState =
  | { status: 'loading' }
  | { status: 'ready'; instance: Instance }
  | { status: 'failed' };

/** Loads what the server is; `retry` asks again. */
export function useInstance(): { state: InstanceState; retry: () => void } {
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<InstanceState>({ status: 'loading' });
  useEffect(() => {
    let current = true;
    getInstance().then(
      (instance) => {
        if (current) setState({ status: 'ready', instance });
      },
      () => {
        if (current) setState({ status: 'failed' });
      },
    );
    return () => {
      current = false;
    };
  }, [attempt]);
  const retry = useCallback(() => {
    setState({ status: 'loading' });
    setAttempt((n) => n + 1);
  }, []);
  return { state, retry };
}
