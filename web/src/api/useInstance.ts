import { useQuery } from '@tanstack/react-query';
import { getInstance, type Instance } from './client';

export type InstanceState =
  | { status: 'loading' }
  | { status: 'ready'; instance: Instance }
  | { status: 'failed' };

/** What the server is; asked once, `retry` asks again. */
export function useInstance(): { state: InstanceState; retry: () => void } {
  const { data, isError, isFetching, refetch } = useQuery({ queryKey: ['instance'], queryFn: getInstance, staleTime: Infinity });
  const retry = () => void refetch();
  if (data) return { state: { status: 'ready', instance: data }, retry };
  return { state: { status: isError && !isFetching ? 'failed' : 'loading' }, retry };
}

/** Whether the server runs in development mode; false until it is known. */
export function useDevMode(): boolean {
  const { state } = useInstance();
  return state.status === 'ready' && state.instance.devMode;
}
