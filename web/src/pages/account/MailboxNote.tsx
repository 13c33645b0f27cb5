import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useDevMode } from '../../api/useInstance';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { Note } from '../../components/FormNote';
import { useText } from '../../i18n/I18n';

/** Where to go on: in the mailbox. In development mode that is a page of ours. */
export function MailboxNote({ title, body, hint }: { title: string; body: string; hint: string }) {
  const text = useText();
  const devMode = useDevMode();
  return (
    <Door title={title}>
      <div className={classes.form} role="status" data-testid="mailbox">
        <DoorTitle title={title}>{body}</DoorTitle>
        <p className={classes.dim}>{hint}</p>
        {devMode && <Note kind="info">{text('mailbox.dev')}</Note>}
        <div className={classes.side}>
          {devMode && (
            <Button component={Link} to="/dev" fullWidth className={classes.submit ?? ''} data-testid="open-outbox">
              {text('mailbox.dev.open')}
            </Button>
          )}
          <Button component={Link} to="/signin" variant={devMode ? 'subtle' : 'default'} fullWidth>
            {text('mailbox.signin')}
          </Button>
        </div>
      </div>
    </Door>
  );
}
