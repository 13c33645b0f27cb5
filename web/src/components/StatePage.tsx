import { TopBar } from './TopBar';
import { StateScreen } from './StateScreen';
import classes from './StatePage.module.css';
import type { ComponentProps } from 'react';

/** A page that only says that something ended or did not work. */
export function StatePage(props: ComponentProps<typeof StateScreen>) {
  return (
    <div className={classes.page}>
      <TopBar />
      <main className={classes.main}>
        <div className={classes.card}>
          <StateScreen {...props} />
        </div>
      </main>
    </div>
  );
}
