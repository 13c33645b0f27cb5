import { Spinner } from '../../components/Spinner';
import { useText } from '../../i18n/I18n';
import { useCallScheme } from '../../theme/callScheme';
import classes from './JoiningScreen.module.css';

/** Stands in while media code loads and the room is being entered. */
export function JoiningScreen({ room }: { room: string }) {
  const text = useText();
  useCallScheme();
  return (
    <main className={classes.page} role="status">
      <Spinner />
      <h1>{text('call.connecting', { room })}</h1>
      <p>{text('call.connecting.text')}</p>
    </main>
  );
}
