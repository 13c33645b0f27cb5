import { Button } from '@mantine/core';
import { IconLanguage, IconLock, IconLogout, IconShield, IconUser } from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { AppPage } from '../../components/AppPage';
import { useText } from '../../i18n/I18n';
import { useSignOut } from '../../session/useSignOut';
import classes from './Settings.module.css';

const sections = [
  { to: '/settings/profile', label: 'settings.profile', Icon: IconUser },
  { to: '/settings/language', label: 'settings.language', Icon: IconLanguage },
  { to: '/settings/security', label: 'settings.security', Icon: IconShield },
  { to: '/settings/privacy', label: 'settings.privacy', Icon: IconLock },
] as const;

/** Heading and list of the settings; the chosen one beside it. */
export function SettingsLayout() {
  const text = useText();
  const { signOut, busy } = useSignOut();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const section = sections.find(({ to }) => to === path);
  const leave = (
    <Button variant="default" loading={busy} onClick={() => void signOut()} leftSection={<IconLogout size={18} aria-hidden="true" />}>
      {text('account.signOut')}
    </Button>
  );
  return (
    <AppPage title={text('nav.settings')} windowTitle={section && text(section.label)} actions={leave}>
      <div className={classes.grid}>
        <nav className={classes.nav} aria-label={text('nav.settings')}>
          {sections.map(({ to, label, Icon }) => (
            <Link key={to} to={to} className={classes.entry ?? ''} activeProps={{ 'data-on': true, ref: showEntry }}>
              <Icon size={20} stroke={1.75} aria-hidden="true" />
              {text(label)}
            </Link>
          ))}
        </nav>
        <div className={classes.column}>
          <Outlet />
        </div>
      </div>
    </AppPage>
  );
}

/** On a phone the list is a row that may reach beyond the screen. */
const showEntry = (entry: HTMLElement | null) => entry?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
