import { Skeleton } from '@mantine/core';
import { Outlet, useChildMatches, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { Redirect } from '../components/Redirect';
import { StatePage } from '../components/StatePage';
import { useLocale, useText } from '../i18n/I18n';
import { pickLocale } from '../i18n/locale';
import { queryClient } from '../lib/queryClient';
import { session, useSession } from '../session/session';
import classes from './AppLayout.module.css';
import { AppShell } from './AppShell';

/** Pages that also speak to those who are not signed in. */
const openPages: readonly string[] = ['/', '/dev'];

/** Lets those in who are signed in, and sends others to the door; they come back here from there. */
export function AppLayout() {
  const state = useSession();
  const location = useRouterState({ select: (router) => router.location });
  // By what is on the screen: on the way to another page the router's place is that page already.
  const isOpen = useChildMatches({ select: (matches) => openPages.includes(matches.at(-1)?.fullPath ?? '') });
  switch (state.status) {
    case 'starting':
      return <Starting />;
    case 'unreachable':
      return <StatePage code="server-gone" onRetry={() => void session.retry()} />;
    case 'signed-out':
      if (isOpen) return <Outlet />;
      if (state.reason === 'left') return <Redirect to="/" />;
      return <Redirect to={`/signin?back=${encodeURIComponent(location.href)}`} />;
    case 'signed-in':
      return (
        <AppShell user={state.user}>
          <PersonEffects id={state.user.id} locale={state.user.locale} />
          <Outlet />
        </AppShell>
      );
  }
}

/** What follows from who is signed in: their language, and nothing of anybody else left in memory. */
function PersonEffects({ id, locale }: { id: string; locale: string }) {
  const { setLocale } = useLocale();
  useEffect(() => {
    setLocale(pickLocale([locale]));
  }, [locale, setLocale]);
  useEffect(
    () => () => {
      queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'instance' });
    },
    [id],
  );
  return null;
}

function Starting() {
  const text = useText();
  return (
    <div className={classes.starting} role="status" aria-busy="true" aria-label={text('app.loading')}>
      <Skeleton height={32} width={180} />
      <Skeleton height={120} />
      <Skeleton height={120} />
    </div>
  );
}
