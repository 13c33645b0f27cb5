import { Track } from 'livekit-client';
import { useCallback, useState } from 'react';
import { deviceErrorCode } from '../../lib/errors';
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

/** Switches for microphone, camera and screen that answer at once and say why they failed. */
export function useControls(store: RoomStore, snapshot: RoomSnapshot, notify: (kind: NoticeKind) => void): Controls {
  const { room } = store;
  const [wanted, setWanted] = useState<Partial<Record<Source, boolean>>>({});
  const local = snapshot.people.find((person) => person.isLocal);
  const actual: Record<Source, boolean> = {
    mic: local?.micOn ?? false,
    camera: local?.cameraOn ?? false,
    share: local?.share !== undefined,
  };
  const allowed = snapshot.allowed.publish;

  const change = useCallback(
    (source: Source, on: boolean) => {
      if (on && !allowed) {
        notify('notPermitted');
        return;
      }
      setWanted((before) => ({ ...before, [source]: on }));
      const { localParticipant } = room;
      const work =
        source === 'mic'
          ? localParticipant.setMicrophoneEnabled(on)
          : source === 'camera'
            ? localParticipant.setCameraEnabled(on)
            : localParticipant.setScreenShareEnabled(on, shareOptions);
      work
        .catch((error: unknown) => {
          if (source !== 'share') notify(noticeOfDevice(deviceErrorCode(source, error)));
          // A person who closes the browser's own dialog knows that nothing is shared.
          else if (!(error instanceof DOMException && error.name === 'NotAllowedError')) notify('shareBlocked');
        })
        .finally(() => {
          setWanted((before) => ({ ...before, [source]: undefined }));
        });
    },
    [room, notify, allowed],
  );

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

/** Switches on what was on in the device check. Failures are told, the call goes on without. */
export async function startDevices(
  store: RoomStore,
  wanted: { audioOn: boolean; videoOn: boolean },
  notify: (kind: NoticeKind) => void,
): Promise<void> {
  const { localParticipant } = store.room;
  if (localParticipant.permissions?.canPublish === false) return;
  const start = async (source: 'mic' | 'camera', work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      notify(noticeOfDevice(deviceErrorCode(source, error)));
    }
  };
  if (wanted.audioOn && localParticipant.getTrackPublication(Track.Source.Microphone) === undefined) {
    await start('mic', () => localParticipant.setMicrophoneEnabled(true));
  }
  if (wanted.videoOn && localParticipant.getTrackPublication(Track.Source.Camera) === undefined) {
    await start('camera', () => localParticipant.setCameraEnabled(true));
  }
}
