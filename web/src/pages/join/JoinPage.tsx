import { Skeleton } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useInstance } from '../../api/useInstance';
import { LanguageSwitch } from '../../components/LanguageSwitch';
import { StateScreen } from '../../components/StateScreen';
import { ThemeSwitch } from '../../components/ThemeSwitch';
import { Brand } from '../../components/TopBar';
import { useText } from '../../i18n/I18n';
import { JoinForm } from './JoinForm';
import classes from './JoinPage.module.css';
import { Showcase } from './Showcase';

/** The front door: name and room in development mode, else where a link comes from. */
export function JoinPage() {
  const text = useText();
  const { state, retry } = useInstance();
  useDocumentTitle(`${text('join.title')} · Clapt`);
  return (
    <div className={classes.page}>
      <main className={classes.door}>
        <div className={classes.head}>
          <Brand />
          <ThemeSwitch />
        </div>
        {state.status === 'loading' && <FormSkeleton />}
        {state.status === 'failed' && <StateScreen code="server-gone" onRetry={retry} />}
        {state.status === 'ready' && !state.instance.devMode && <StateScreen code="need-link" />}
        {state.status === 'ready' && state.instance.devMode && <JoinForm />}
        <footer className={classes.foot}>
          <LanguageSwitch />
          {state.status === 'ready' && (
            <span>
              {state.instance.name} {state.instance.version}
            </span>
          )}
        </footer>
      </main>
      <Showcase />
    </div>
  );
}

function FormSkeleton() {
  const text = useText();
  return (
    <div className={classes.form} role="status" aria-busy="true" aria-label={text('app.loading')}>
      <Skeleton height={40} width="70%" />
      <Skeleton height={44} />
      <Skeleton height={44} />
      <Skeleton height={44} />
    </div>
  );
}
