import { useDocumentTitle } from '@mantine/hooks';
import { useEffect, useRef, type ReactNode } from 'react';
import classes from './AppPage.module.css';

/** The page that the focus was last moved for, so that the very first page takes it from nobody. */
let lastTitle: string | undefined;

interface Props {
  title: string;
  /** Where the heading alone would not tell the page from others in a list of tabs. */
  windowTitle?: string | undefined;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/**
 * One page inside the shell: its heading, what can be done with it, its content. After a change of page the heading
 * has the focus, so that screen readers say where one is.
 */
export function AppPage({ title, windowTitle = title, about, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useDocumentTitle(`${windowTitle} · Clapt`);
  useEffect(() => {
    if (lastTitle !== undefined && lastTitle !== title) heading.current?.focus({ preventScroll: true });
    lastTitle = title;
  }, [title]);
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {about !== undefined && <p>{about}</p>}
        </div>
        {actions}
      </header>
      {children}
    </div>
  );
}
