import { Skeleton } from '@mantine/core';
import { useInstance } from '../../api/useInstance';
import { AppPage } from '../../components/AppPage';
import { StatePage } from '../../components/StatePage';
import { TopBar } from '../../components/TopBar';
import { useText } from '../../i18n/I18n';
import { useSession } from '../../session/session';
import { NotFoundPage } from '../NotFoundPage';
import classes from './Dev.module.css';
import { JoinForm } from './JoinForm';
import { Outbox } from './Outbox';

/** What only development mode has: rooms by name, and the mails that were not sent. */
export function DevPage() {
  const { state, retry } = useInstance();
  const isSignedIn = useSession().status === 'signed-in';
  if (state.status === 'failed') return <StatePage code="server-gone" onRetry={retry} />;
  if (state.status === 'ready' && !state.instance.devMode) return <NotFoundPage />;
  const content = state.status === 'loading' ? <Skeleton height={240} /> : <DevContent />;
  if (isSignedIn) return content;
  return (
    <div className={classes.bare}>
      <TopBar />
      <main>{content}</main>
    </div>
  );
}

function DevContent() {
  const text = useText();
  return (
    <AppPage title={text('dev.title')} about={text('dev.about')}>
      <div className={classes.grid}>
        <section className={classes.section} aria-labelledby="outbox">
          <Outbox />
        </section>
        <section className={classes.section} aria-labelledby="join">
          <JoinForm />
        </section>
      </div>
    </AppPage>
  );
}
