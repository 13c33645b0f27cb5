import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  type ErrorComponentProps,
} from '@tanstack/react-router';
import { StatePage } from './components/StatePage';
import { NotFoundPage } from './pages/NotFoundPage';
import { AppLayout } from './shell/AppLayout';

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

/** A text of the address bar, or nothing. */
const textOf = (search: Record<string, unknown>, name: string): string | undefined => {
  const value = search[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** `?token=` of a link in a mail or a log. */
const withToken = (search: Record<string, unknown>): { token?: string } => {
  const token = textOf(search, 'token');
  return token === undefined ? {} : { token };
};

/** `?back=` names the page that somebody wanted before signing in. */
const withBack = (search: Record<string, unknown>): { back?: string } => {
  const back = textOf(search, 'back');
  return back === undefined ? {} : { back };
};

const signin = createRoute({
  getParentRoute: () => root,
  path: '/signin',
  validateSearch: withBack,
  component: lazyRouteComponent(() => import('./pages/account/SignInPage'), 'SignInPage'),
});
const signup = createRoute({
  getParentRoute: () => root,
  path: '/signup',
  component: lazyRouteComponent(() => import('./pages/account/SignUpPage'), 'SignUpPage'),
});
const verify = createRoute({
  getParentRoute: () => root,
  path: '/verify',
  validateSearch: withToken,
  component: lazyRouteComponent(() => import('./pages/account/VerifyPage'), 'VerifyPage'),
});
const forgot = createRoute({
  getParentRoute: () => root,
  path: '/forgot',
  component: lazyRouteComponent(() => import('./pages/account/ForgotPage'), 'ForgotPage'),
});
const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  validateSearch: withToken,
  component: lazyRouteComponent(() => import('./pages/account/ResetPage'), 'ResetPage'),
});
const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  validateSearch: withToken,
  component: lazyRouteComponent(() => import('./pages/account/SetupPage'), 'SetupPage'),
});

/** What has the navigation around it once somebody is signed in. */
const app = createRoute({ getParentRoute: () => root, id: 'app', component: AppLayout });

const home = createRoute({
  getParentRoute: () => app,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/home/HomePage'), 'HomePage'),
});
const people = createRoute({
  getParentRoute: () => app,
  path: '/admin/people',
  component: lazyRouteComponent(() => import('./pages/admin/PeoplePage'), 'PeoplePage'),
});
const dev = createRoute({
  getParentRoute: () => app,
  path: '/dev',
  component: lazyRouteComponent(() => import('./pages/dev/DevPage'), 'DevPage'),
});

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/SettingsLayout'), 'SettingsLayout'),
});
const settingsStart = createRoute({
  getParentRoute: () => settings,
  path: '/',
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    throw redirect({ to: '/settings/profile', replace: true });
  },
});
const profile = createRoute({
  getParentRoute: () => settings,
  path: '/profile',
  component: lazyRouteComponent(() => import('./pages/settings/ProfilePage'), 'ProfilePage'),
});
const language = createRoute({
  getParentRoute: () => settings,
  path: '/language',
  component: lazyRouteComponent(() => import('./pages/settings/LanguagePage'), 'LanguagePage'),
});
const security = createRoute({
  getParentRoute: () => settings,
  path: '/security',
  component: lazyRouteComponent(() => import('./pages/settings/SecurityPage'), 'SecurityPage'),
});
const privacy = createRoute({
  getParentRoute: () => settings,
  path: '/privacy',
  component: lazyRouteComponent(() => import('./pages/settings/PrivacyPage'), 'PrivacyPage'),
});

/** `?token=` carries a way in that somebody else made; without it development mode makes one. */
const room = createRoute({
  getParentRoute: () => root,
  path: '/room/$name',
  validateSearch: withToken,
  component: lazyRouteComponent(() => import('./pages/room/RoomPage'), 'RoomPage'),
});

const routeTree = root.addChildren([
  app.addChildren([home, people, dev, settings.addChildren([settingsStart, profile, language, security, privacy])]),
  signin,
  signup,
  verify,
  forgot,
  reset,
  setup,
  room,
]);

export const router = createRouter({ routeTree, defaultErrorComponent: FaultPage, scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
