import { useState } from 'react';
import { JoiningScreen } from '../pages/room/JoiningScreen';
import type { ErrorCode } from '../lib/errors';
import type { DeviceChoice } from '../lib/profile';
import { useCallScheme } from '../theme/callScheme';
import { CallScreen } from './CallScreen';
import { useCall } from './room/useCall';

interface Props {
  room: string;
  token: string;
  choice: DeviceChoice;
  expiresAt: number | undefined;
  onLeave: (seconds: number) => void;
  onError: (code: ErrorCode) => void;
}

/** Enters the room and shows the call; everything with media code is loaded with this. */
export function Classroom({ room, token, choice, expiresAt, onLeave, onError }: Props) {
  useCallScheme();
  const [since, setSince] = useState<number>();
  const secondsInside = () => (since === undefined ? 0 : (Date.now() - since) / 1000);
  const store = useCall({
    token,
    choice,
    expiresAt,
    onEntered: () => {
      setSince(Date.now());
    },
    onLeft: () => {
      onLeave(secondsInside());
    },
    onError,
  });
  if (store === undefined || since === undefined) return <JoiningScreen room={room} />;
  return (
    <CallScreen
      name={room}
      store={store}
      since={since}
      choice={choice}
      onLeave={() => {
        onLeave(secondsInside());
      }}
    />
  );
}
