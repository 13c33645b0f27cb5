import { Button } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { TopBar } from '../../components/TopBar';
import pageClasses from '../../components/StatePage.module.css';
import stateClasses from '../../components/StateScreen.module.css';
import { useText } from '../../i18n/I18n';

/** Says that the person is out, and offers the way back in. */
export function AfterCall({ room, seconds, onRejoin }: { room: string; seconds: number; onRejoin: () => void }) {
  const text = useText();
  const navigate = useNavigate();
  const minutes = Math.round(seconds / 60);
  const duration =
    seconds < 60 ? text('after.seconds', { seconds: Math.round(seconds) }) : text('after.minutes', { minutes });
  return (
    <div className={pageClasses.page}>
      <TopBar />
      <main className={pageClasses.main}>
        <div className={pageClasses.card}>
          <div className={stateClasses.mid} data-testid="after-call">
            <span className={stateClasses.pict} data-calm>
              <IconCheck size={32} stroke={1.5} aria-hidden="true" />
            </span>
            <h1 className={stateClasses.title}>{text('after.title', { room })}</h1>
            <p>{text('after.text', { duration })}</p>
            <div className={stateClasses.row}>
              <Button onClick={onRejoin}>{text('after.rejoin')}</Button>
              <Button variant="default" onClick={() => void navigate({ to: '/' })}>
                {text('app.home')}
              </Button>
            </div>
          </div>
        </div>
      </main>
    </div>
  );
}
