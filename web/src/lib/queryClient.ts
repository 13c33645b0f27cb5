import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/problem';

/** Tries that an answer cannot change are not made again. */
const isWorthRetrying = (error: unknown): boolean =>
  error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 500);

/** What the server said lately, by question. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => failures < 1 && isWorthRetrying(error),
      retryDelay: 500,
      // Whoever is offline is told so at once, with a way to try again.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
