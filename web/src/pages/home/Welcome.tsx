import { Button } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconDeviceLaptop, IconScreenShare, IconServer2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { isSetupNeeded } from '../../api/accounts';
import { useInstance } from '../../api/useInstance';
import { Showcase } from '../../components/door/Showcase';
import { Note } from '../../components/FormNote';
import { LanguageSwitch } from '../../components/LanguageSwitch';
import { StateScreen } from '../../components/StateScreen';
import { TopBar } from '../../components/TopBar';
import { useText } from '../../i18n/I18n';
import classes from './Welcome.module.css';

const offers = [
  { key: 'browser', Icon: IconDeviceLaptop },
  { key: 'share', Icon: IconScreenShare },
  { key: 'server', Icon: IconServer2 },
] as const;

/** What this instance offers, for those who are not signed in. */
export function Welcome() {
  const text = useText();
  const { state, retry } = useInstance();
  const setup = useQuery({ queryKey: ['setup'], queryFn: isSetupNeeded });
  const devMode = state.status === 'ready' && state.instance.devMode;
  useDocumentTitle('Clapt');
  return (
    <div className={classes.page}>
      <TopBar>
        <Button component={Link} to="/signin" variant="subtle" data-testid="to-signin">
          {text('signin.submit')}
        </Button>
      </TopBar>
      <main className={classes.main}>
        {state.status === 'failed' ? (
          <StateScreen code="server-gone" onRetry={retry} />
        ) : (
          <div className={classes.words}>
            {setup.data === true && <Note kind="info">{text('welcome.setup')}</Note>}
            <h1>{text('welcome.title')}</h1>
            <p className={classes.lead}>{text('welcome.lead')}</p>
            <div className={classes.actions}>
              <Button component={Link} to="/signup" size="lg">
                {text('signup.submit')}
              </Button>
              {devMode && (
                <Button component={Link} to="/dev" size="lg" variant="default" data-testid="to-dev">
                  {text('welcome.dev')}
                </Button>
              )}
            </div>
            <p className={classes.hint}>{text('welcome.link')}</p>
            <ul className={classes.offers}>
              {offers.map(({ key, Icon }) => (
                <li key={key}>
                  <Icon size={24} stroke={1.5} aria-hidden="true" />
                  <div>
                    <b>{text(`welcome.${key}`)}</b>
                    <p>{text(`welcome.${key}.text`)}</p>
                  </div>
                </li>
              ))}
            </ul>
          </div>
        )}
        <Showcase />
      </main>
      <footer className={classes.foot}>
        <LanguageSwitch />
        {state.status === 'ready' && (
          <span>
            {state.instance.name} {state.instance.version}
          </span>
        )}
      </footer>
    </div>
  );
}
