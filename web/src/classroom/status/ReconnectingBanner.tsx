import { useState } from 'react';
import { Spinner } from '../../components/Spinner';
import { useText } from '../../i18n/I18n';
import classes from './ReconnectingBanner.module.css';
import { useSeconds } from './useSeconds';

/** Lies over the frozen pictures while the connection is being restored. */
export function ReconnectingBanner() {
  const text = useText();
  const [since] = useState(() => Date.now());
  const seconds = useSeconds(since);
  return (
    <div className={classes.cover} data-testid="reconnecting-banner">
      <Spinner />
      <b className="num">{text('reconnect.title', { seconds })}</b>
      <p role="status">{text('reconnect.text')}</p>
    </div>
  );
}
