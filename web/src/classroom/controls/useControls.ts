import type { LocalParticipant } from 'livekit-client';
import { useCallback, useEffect, useEffectEvent, useRef, useState } from 'react';
import { deviceErrorCode } from '../../lib/errors';
import type { DeviceChoice } from '../../lib/profile';
import { shareOptions } from '../room/createRoom';
import type { RoomSnapshot, RoomStore } from '../room/RoomStore';
import { noticeOfDevice, type NoticeKind } from '../status/notices';

export interface Switch {
  /** What the person wants; ahead of the room by the time the room needs. */
  on: boolean;
  toggle: () => void;
  set: (on: boolean) => void;
}

export interface Controls {
  mic: Switch;
  camera: Switch;
  share: Switch;
  pick: (kind: MediaDeviceKind, deviceId: string) => void;
}

type Source = 'mic' | 'camera' | 'share';

interface Queue {
  /** Settles when everything asked before is done. */
  last: Promise<void>;
  /** Counts up with every wish; only the newest one is still carried out. */
  turn: number;
}

const newQueue = (): Queue => ({ last: Promise.resolve(), turn: 0 });

function apply(participant: LocalParticipant, source: Source, on: boolean): Promise<unknown> {
  switch (source) {
    case 'mic':
      return participant.setMicrophoneEnabled(on);
    case 'camera':
      return participant.setCameraEnabled(on);
    case 'share':
      return participant.setScreenShareEnabled(on, shareOptions);
  }
}

/** The notice for a failed switch; a person who closes the browser's own dialog needs none. */
function noticeOf(source: Source, error: unknown): NoticeKind | undefined {
  if (source !== 'share') return noticeOfDevice(deviceErrorCode(source, error));
  return error instanceof DOMException && error.name === 'NotAllowedError' ? undefined : 'shareBlocked';
}

/**
 * Switches for microphone, camera and screen. They answer at once, carry out wishes one after the
 * other so that the last one holds, and say why they failed. Microphone and camera start as `choice` says.
 */
export function useControls(
  store: RoomStore,
  snapshot: RoomSnapshot,
  choice: DeviceChoice,
  notify: (kind: NoticeKind) => void,
): Controls {
  const { room } = store;
  const allowed = snapshot.allowed.publish;
  const [wanted, setWanted] = useState<Partial<Record<Source, boolean | undefined>>>(
    allowed ? { mic: choice.audioOn || undefined, camera: choice.videoOn || undefined } : {},
  );
  const queues = useRef<Record<Source, Queue>>({ mic: newQueue(), camera: newQueue(), share: newQueue() });
  const local = snapshot.people.find((person) => person.isLocal);
  const actual: Record<Source, boolean> = {
    mic: local?.micOn ?? false,
    camera: local?.cameraOn ?? false,
    share: local?.share !== undefined,
  };

  const change = useCallback(
    (source: Source, on: boolean) => {
      if (on && !allowed) {
        notify('notPermitted');
        return;
      }
      setWanted((before) => ({ ...before, [source]: on }));
      const queue = queues.current[source];
      const mine = ++queue.turn;
      const carryOut = async () => {
        if (queue.turn !== mine) return;
        try {
          await apply(room.localParticipant, source, on);
        } catch (error) {
          const notice = noticeOf(source, error);
          if (notice !== undefined) notify(notice);
        }
        if (queue.turn === mine) setWanted((before) => ({ ...before, [source]: undefined }));
      };
      queue.last = queue.last.then(carryOut);
    },
    [room, notify, allowed],
  );

  const start = useEffectEvent(() => {
    if (!allowed) return;
    if (choice.audioOn) change('mic', true);
    if (choice.videoOn) change('camera', true);
  });
  useEffect(() => {
    start();
  }, [room]);

  const toSwitch = (source: Source): Switch => {
    const on = wanted[source] ?? actual[source];
    return {
      on,
      toggle: () => {
        change(source, !on);
      },
      set: (next) => {
        if (next !== on) change(source, next);
      },
    };
  };

  const pick = useCallback(
    (kind: MediaDeviceKind, deviceId: string) => {
      room.switchActiveDevice(kind, deviceId).catch((error: unknown) => {
        if (kind === 'audiooutput') return;
        notify(noticeOfDevice(deviceErrorCode(kind === 'audioinput' ? 'mic' : 'camera', error)));
      });
    },
    [room, notify],
  );

  return { mic: toSwitch('mic'), camera: toSwitch('camera'), share: toSwitch('share'), pick };
}
