import { IconHome, IconSearch, IconSettings, IconTool, IconUsers, type Icon } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import type { User } from '../api/types';
import { useDevMode } from '../api/useInstance';
import { Avatar } from '../components/Avatar';
import { Logo } from '../components/Logo';
import { useText } from '../i18n/I18n';
import { AccountMenu } from './AccountMenu';
import classes from './AppShell.module.css';
import { isCurrent, navigationFor, type NavEntry } from './navigation';
import { OfflineBanner } from './OfflineBanner';
import { Palette } from './Palette';
import { usePaletteKey } from './usePaletteKey';

const icons: Record<NavEntry['icon'], Icon> = { home: IconHome, people: IconUsers, settings: IconSettings, dev: IconTool };

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The frame of all pages of somebody who is signed in: navigation, a way to everything by keyboard, the page. */
export function AppShell({ user, children }: { user: User; children: ReactNode }) {
  const text = useText();
  const devMode = useDevMode();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [paletteOpen, setPaletteOpen] = useState(false);
  const openPalette = () => {
    setPaletteOpen(true);
  };
  usePaletteKey(openPalette);
  const entries = navigationFor(user.permissions, devMode);
  return (
    <div className={classes.app}>
      <a href="#content" className={classes.skip}>
        {text('nav.skip')}
      </a>
      <nav className={classes.nav} aria-label={text('nav.label')}>
        <Link to="/" className={classes.brand ?? ''} aria-label={text('nav.brand')}>
          <Logo />
          <span>Clapt</span>
        </Link>
        {entries.map((entry) => {
          const EntryIcon = icons[entry.icon];
          return (
            <Link key={entry.to} to={entry.to} className={classes.entry ?? ''} {...currentProps(isCurrent(entry, path))} title={text(entry.label)}>
              <EntryIcon size={20} stroke={1.75} aria-hidden="true" />
              <span>{text(entry.label)}</span>
            </Link>
          );
        })}
        <button type="button" className={classes.entry} onClick={openPalette} title={text('nav.search')} data-testid="open-palette">
          <IconSearch size={20} stroke={1.75} aria-hidden="true" />
          <span>{text('nav.search')}</span>
          <kbd className={classes.keys}>{isMac ? '⌘ K' : text('nav.search.keys')}</kbd>
        </button>
        <AccountMenu user={user} />
      </nav>
      <div className={classes.side}>
        <OfflineBanner />
        <main id="content" tabIndex={-1} className={classes.main}>
          {children}
        </main>
      </div>
      <nav className={classes.tabs} aria-label={text('nav.label')}>
        {entries.map((entry) => {
          const EntryIcon = icons[entry.icon];
          return (
            <Link key={entry.to} to={entry.to} className={classes.tab ?? ''} {...currentProps(isCurrent(entry, path))}>
              {entry.icon === 'settings' ? <Avatar name={user.name} className={classes.face} /> : <EntryIcon size={22} stroke={1.75} aria-hidden="true" />}
              {text(entry.icon === 'settings' ? 'nav.you' : entry.label)}
            </Link>
          );
        })}
        <button type="button" className={classes.tab} onClick={openPalette}>
          <IconSearch size={22} stroke={1.75} aria-hidden="true" />
          {text('nav.search')}
        </button>
      </nav>
      {paletteOpen && (
        <Palette
          onClose={() => {
            setPaletteOpen(false);
          }}
        />
      )}
    </div>
  );
}

const currentProps = (current: boolean) => (current ? { 'data-on': true, 'aria-current': 'page' as const } : {});
