import { IconAlertCircle, IconCheck, IconInfoCircle } from '@tabler/icons-react';
import { useCallback, useEffect, useState } from 'react';
import { measureRoundTrip } from '../../api/probe';
import { useText } from '../../i18n/I18n';
import type { MessageId } from '../../i18n/en';
import classes from './Checks.module.css';
import type { DeviceState } from './media';

/** A round trip above this makes talking awkward. */
const slowMs = 300;

type Network = { status: 'measuring' } | { status: 'gone' } | { status: 'measured'; ms: number };

/** What was really measured before joining: the way to the server, and both devices. */
export function Checks({ mic, camera }: { mic: DeviceState; camera: DeviceState }) {
  const text = useText();
  const [network, measure] = useNetwork();
  return (
    <ul className={classes.card} aria-label={text('check.network')} aria-live="polite">
      <li>
        {network.status === 'measuring' && (
          <>
            <Mark tone="info" />
            <span>{text('check.network.measuring')}</span>
          </>
        )}
        {network.status === 'gone' && (
          <>
            <Mark tone="bad" />
            <b>{text('check.network.gone')}</b>
            <button type="button" className={classes.end} onClick={measure}>
              {text('check.network.retry')}
            </button>
          </>
        )}
        {network.status === 'measured' && (
          <>
            <Mark tone={network.ms > slowMs ? 'warn' : 'ok'} />
            <b>{text(network.ms > slowMs ? 'check.network.fair' : 'check.network.good')}</b>
            <span className={classes.end}>
              {text('check.network.rtt', { ms: Math.max(1, Math.round(network.ms)) })}
            </span>
          </>
        )}
      </li>
      <li>
        <Mark tone={mediaTone(mic, camera)} />
        <span>{text(mediaText(mic, camera))}</span>
      </li>
    </ul>
  );
}

function useNetwork(): [Network, () => void] {
  const [network, setNetwork] = useState<Network>({ status: 'measuring' });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    measureRoundTrip().then(
      (ms) => {
        if (current) setNetwork({ status: 'measured', ms });
      },
      () => {
        if (current) setNetwork({ status: 'gone' });
      },
    );
    return () => {
      current = false;
    };
  }, [attempt]);
  const again = useCallback(() => {
    setNetwork({ status: 'measuring' });
    setAttempt((n) => n + 1);
  }, []);
  return [network, again];
}

const works = (state: DeviceState) => state.status === 'live' || state.status === 'off';

function mediaText(mic: DeviceState, camera: DeviceState): MessageId {
  if (mic.status === 'opening' || camera.status === 'opening') return 'check.media.waiting';
  if (works(mic)) return works(camera) ? 'check.media.ready' : 'check.media.micOnly';
  return works(camera) ? 'check.media.cameraOnly' : 'check.media.none';
}

function mediaTone(mic: DeviceState, camera: DeviceState): Tone {
  if (mic.status === 'opening' || camera.status === 'opening') return 'info';
  return works(mic) && works(camera) ? 'ok' : 'warn';
}

type Tone = 'ok' | 'info' | 'warn' | 'bad';
const marks = { ok: IconCheck, info: IconInfoCircle, warn: IconAlertCircle, bad: IconAlertCircle };

function Mark({ tone }: { tone: Tone }) {
  const Icon = marks[tone];
  return <Icon size={20} stroke={1.75} className={classes[tone] ?? ''} aria-hidden="true" />;
}
