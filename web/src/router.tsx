import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type ErrorComponentProps,
} from '@tanstack/react-router';
import { StatePage } from './components/StatePage';
import { JoinPage } from './pages/join/JoinPage';
import { NotFoundPage } from './pages/NotFoundPage';

function FaultPage({ reset }: ErrorComponentProps) {
  return <StatePage code="crashed" onRetry={reset} />;
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFoundPage });

const join = createRoute({ getParentRoute: () => root, path: '/', component: JoinPage });

/** `?token=` carries a way in that somebody else made; without it development mode makes one. */
export const roomRoute = createRoute({
  getParentRoute: () => root,
  path: '/room/$name',
  validateSearch: (search: Record<string, unknown>): { token?: string } =>
    typeof search.token === 'string' ? { token: search.token } : {},
  component: lazyRouteComponent(() => import('./pages/room/RoomPage'), 'RoomPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([join, roomRoute]),
  defaultErrorComponent: FaultPage,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
