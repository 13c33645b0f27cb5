import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useInstance } from '../../api/useInstance';
import { LanguageSwitch } from '../LanguageSwitch';
import { ThemeSwitch } from '../ThemeSwitch';
import { Brand } from '../TopBar';
import classes from './Door.module.css';
import { Showcase } from './Showcase';

/** The frame of everything before somebody is inside: one column for what is to do, a picture beside it. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  const { state } = useInstance();
  useDocumentTitle(`${title} · Clapt`);
  return (
    <div className={classes.page}>
      <div className={classes.door}>
        <header className={classes.head}>
          <Brand />
          <ThemeSwitch />
        </header>
        <main className={classes.main}>{children}</main>
        <footer className={classes.foot}>
          <LanguageSwitch />
          {state.status === 'ready' && (
            <span>
              {state.instance.name} {state.instance.version}
            </span>
          )}
        </footer>
      </div>
      <Showcase />
    </div>
  );
}

/** What the page is, and a sentence below it. */
export function DoorTitle({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div>
      <h1 className={classes.title}>{title}</h1>
      {children !== undefined && <p className={classes.dim}>{children}</p>}
    </div>
  );
}
