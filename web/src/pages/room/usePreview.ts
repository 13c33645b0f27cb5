import { useCallback, useEffect, useRef, useState } from 'react';
import type { DeviceKind } from '../../lib/errors';
import { loadChoice, saveChoice, type DeviceChoice } from '../../lib/profile';
import { openBoth, openDevice, stopDevice, type DeviceState } from './media';

/** The devices before joining: what is chosen, what is on, what failed. */
export interface Preview {
  choice: DeviceChoice;
  mic: DeviceState;
  camera: DeviceState;
  toggle: (kind: DeviceKind) => void;
  pick: (kind: DeviceKind, deviceId: string) => void;
  pickSpeaker: (deviceId: string) => void;
  retry: (kind: DeviceKind) => void;
}

/** Opens microphone and camera while mounted and lets go of them afterwards. */
export function usePreview(): Preview {
  const [choice, setChoice] = useState(loadChoice);
  const [mic, setMic] = useState<DeviceState>({ status: choice.audioOn ? 'opening' : 'off' });
  const [camera, setCamera] = useState<DeviceState>({ status: choice.videoOn ? 'opening' : 'off' });
  const current = useRef<Record<DeviceKind, DeviceState>>({ mic, camera });
  const mounted = useRef(false);
  /** Counts up whenever a device is opened or closed, so that a late answer is thrown away. */
  const turn = useRef<Record<DeviceKind, number>>({ mic: 0, camera: 0 });

  const settle = useCallback((kind: DeviceKind, state: DeviceState) => {
    stopDevice(current.current[kind]);
    current.current[kind] = state;
    (kind === 'mic' ? setMic : setCamera)(state);
  }, []);

  const open = useCallback(
    async (kind: DeviceKind, deviceId: string) => {
      const mine = ++turn.current[kind];
      settle(kind, { status: 'opening' });
      const state = await openDevice(kind, deviceId);
      if (mounted.current && turn.current[kind] === mine) settle(kind, state);
      else stopDevice(state);
    },
    [settle],
  );

  useEffect(() => {
    mounted.current = true;
    const turns = turn.current;
    const first = loadChoice();
    if (first.audioOn && first.videoOn) {
      const mine = { mic: ++turns.mic, camera: ++turns.camera };
      void openBoth(first.audioInput, first.videoInput).then((states) => {
        for (const kind of ['mic', 'camera'] as const) {
          if (turns[kind] === mine[kind]) settle(kind, states[kind]);
          else stopDevice(states[kind]);
        }
      });
    } else {
      if (first.audioOn) void open('mic', first.audioInput);
      if (first.videoOn) void open('camera', first.videoInput);
    }
    const devices = current.current;
    return () => {
      mounted.current = false;
      turns.mic += 1;
      turns.camera += 1;
      stopDevice(devices.mic);
      stopDevice(devices.camera);
    };
  }, [open, settle]);

  const change = (next: DeviceChoice) => {
    setChoice(next);
    saveChoice(next);
  };
  const idOf = (kind: DeviceKind) => (kind === 'mic' ? choice.audioInput : choice.videoInput);

  return {
    choice,
    mic,
    camera,
    toggle: (kind) => {
      const on = kind === 'mic' ? !choice.audioOn : !choice.videoOn;
      change(kind === 'mic' ? { ...choice, audioOn: on } : { ...choice, videoOn: on });
      if (on) {
        void open(kind, idOf(kind));
      } else {
        turn.current[kind] += 1;
        settle(kind, { status: 'off' });
      }
    },
    pick: (kind, deviceId) => {
      change(
        kind === 'mic'
          ? { ...choice, audioInput: deviceId, audioOn: true }
          : { ...choice, videoInput: deviceId, videoOn: true },
      );
      void open(kind, deviceId);
    },
    pickSpeaker: (deviceId) => {
      change({ ...choice, audioOutput: deviceId });
    },
    retry: (kind) => void open(kind, idOf(kind)),
  };
}
