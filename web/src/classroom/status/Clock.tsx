import { useEffect, useState } from 'react';
import { useIntl } from 'react-intl';
import classes from './Clock.module.css';

/** The time of day with its zone. Renews once a minute. */
export function Clock() {
  const intl = useIntl();
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = window.setTimeout(
      () => {
        setNow(new Date());
      },
      60_000 - (Date.now() % 60_000),
    );
    return () => {
      window.clearTimeout(timer);
    };
  }, [now]);
  const parts = intl.formatDateToParts(now, { hour: 'numeric', minute: '2-digit', timeZoneName: 'short' });
  const zone = parts.find((part) => part.type === 'timeZoneName')?.value;
  return (
    <p className={`num ${classes.clock ?? ''}`} aria-live="off">
      <b>{intl.formatTime(now, { hour: 'numeric', minute: '2-digit' })}</b> {zone}
    </p>
  );
}
