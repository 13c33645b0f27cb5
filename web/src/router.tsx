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

/** A part of the page that could not be fetched means that the server is away, not that we failed. */
function FaultPage({ error }: ErrorComponentProps) {
  const missingPart = /dynamically imported module|module script/i.test(String(error));
  return (
    <StatePage
      code={missingPart ? 'server-gone' : 'crashed'}
      onRetry={() => {
        location.reload();
      }}
    />
  );
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
