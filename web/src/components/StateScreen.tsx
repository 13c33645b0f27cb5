import { Button } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCameraOff,
  IconClockOff,
  IconDoorExit,
  IconLinkOff,
  IconMicrophoneOff,
  IconRefresh,
  IconUsersGroup,
  IconUserX,
  IconWifiOff,
  IconBrowserOff,
  type Icon,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useText } from '../i18n/I18n';
import type { ErrorCode } from '../lib/errors';
import classes from './StateScreen.module.css';

const icons: Record<ErrorCode, Icon> = {
  'camera-denied': IconCameraOff,
  'camera-missing': IconCameraOff,
  'camera-busy': IconCameraOff,
  'mic-denied': IconMicrophoneOff,
  'mic-missing': IconMicrophoneOff,
  'mic-busy': IconMicrophoneOff,
  'room-full': IconUsersGroup,
  'token-expired': IconClockOff,
  'token-invalid': IconLinkOff,
  'not-allowed': IconLinkOff,
  'server-gone': IconWifiOff,
  'server-shutdown': IconRefresh,
  'connection-lost': IconWifiOff,
  'media-failed': IconWifiOff,
  'duplicate-identity': IconBrowserOff,
  removed: IconUserX,
  'room-closed': IconDoorExit,
  'rate-limited': IconClockOff,
  'need-link': IconLinkOff,
  unsupported: IconBrowserOff,
  crashed: IconAlertTriangle,
  unknown: IconAlertTriangle,
};

/** Codes that are no fault: somebody acted, so the picture is calm instead of red. */
const calm = new Set<ErrorCode>(['duplicate-identity', 'room-closed', 'need-link', 'server-shutdown']);

interface Props {
  code: ErrorCode;
  onRetry?: (() => void) | undefined;
  retryLabel?: string;
  /** What support can search for; the code itself if the server gave nothing better. */
  supportCode?: string | undefined;
  actions?: ReactNode;
  level?: 1 | 2;
}

/** What happened, what is safe, one way on, and a code for support. */
export function StateScreen({ code, onRetry, retryLabel, supportCode, actions, level = 1 }: Props) {
  const text = useText();
  const Icon = icons[code];
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className={classes.mid} role="alert" data-testid="error-state" data-code={code}>
      <span className={classes.pict} data-calm={calm.has(code) || undefined}>
        <Icon size={32} stroke={1.5} aria-hidden="true" />
      </span>
      <Heading className={classes.title}>{text(`error.${code}.title`)}</Heading>
      <p>{text(`error.${code}.text`)}</p>
      <div className={classes.row}>
        {onRetry && (
          <Button onClick={onRetry} leftSection={<IconRefresh size={18} />}>
            {retryLabel ?? text('error.retry')}
          </Button>
        )}
        {actions}
      </div>
      <small>{text('app.supportCode', { code: supportCode ?? code })}</small>
    </div>
  );
}
