import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import stateClasses from '../components/StateScreen.module.css';
import classes from '../components/StatePage.module.css';
import { TopBar } from '../components/TopBar';
import { useText } from '../i18n/I18n';

/** Any address that leads nowhere. */
export function NotFoundPage() {
  const text = useText();
  return (
    <div className={classes.page}>
      <TopBar />
      <main className={classes.main}>
        <div className={classes.card}>
          <div className={stateClasses.mid}>
            <span className={stateClasses.pict} data-calm>
              <IconMapOff size={32} stroke={1.5} aria-hidden="true" />
            </span>
            <h1 className={stateClasses.title}>{text('app.notFound.title')}</h1>
            <p>{text('app.notFound.text')}</p>
            <div className={stateClasses.row}>
              <Button component={Link} to="/">
                {text('app.home')}
              </Button>
            </div>
          </div>
        </div>
      </main>
    </div>
  );
}
