import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconMicrophone, IconUsers, IconVolumeOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useText } from '../../i18n/I18n';
import { SignalIcon } from '../tiles/SignalIcon';
import { Clock } from './Clock';
import classes from './HintSlot.module.css';
import { hintText, type HintKind } from './notices';

function icon(kind: HintKind): ReactNode {
  switch (kind) {
    case 'sound':
      return <IconVolumeOff stroke={1.75} aria-hidden="true" />;
    case 'pushToTalk':
      return <IconMicrophone stroke={1.75} className={classes.calm ?? ''} aria-hidden="true" />;
    case 'linkCopied':
      return <IconCheck stroke={1.75} className={classes.calm ?? ''} aria-hidden="true" />;
    case 'alone':
      return <IconUsers stroke={1.75} className={classes.plain ?? ''} aria-hidden="true" />;
    case 'slow':
      return <SignalIcon quality="poor" />;
    case 'lost':
      return <SignalIcon quality="lost" />;
    case 'micDenied':
    case 'cameraDenied':
    case 'micMissing':
    case 'cameraMissing':
    case 'micBusy':
    case 'cameraBusy':
    case 'micSystem':
    case 'shareBlocked':
    case 'notPermitted':
      return <IconAlertTriangle stroke={1.75} aria-hidden="true" />;
  }
}

/** The slot left of the controls: the time, or the one thing that is worth knowing now. */
export function HintSlot({ hint, onSound }: { hint: HintKind | undefined; onSound: () => void }) {
  const text = useText();
  return (
    <div className={classes.slot} data-hint={hint} role="status">
      {hint === undefined ? (
        <Clock />
      ) : (
        <p className={classes.hint}>
          {icon(hint)}
          <span>{text(hintText[hint])}</span>
          {hint === 'sound' && (
            <Button variant="subtle" data-size="sm" onClick={onSound}>
              {text('hint.sound.action')}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}
