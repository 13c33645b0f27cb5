import { RoomEvent, type DisconnectReason } from 'livekit-client';
import { useEffect, useEffectEvent, useState, useSyncExternalStore } from 'react';
import type { ErrorCode } from '../../lib/errors';
import type { DeviceChoice } from '../../lib/profile';
import { createRoom } from './createRoom';
import { codeOfConnectError, codeOfDisconnect } from './failure';
import { RoomStore, type RoomSnapshot } from './RoomStore';
import { playRemoteSound } from './sound';

interface CallOptions {
  token: string;
  choice: DeviceChoice;
  expiresAt: number | undefined;
  onEntered: () => void;
  onLeft: () => void;
  onError: (code: ErrorCode) => void;
}

const signalUrl = () => location.origin.replace(/^http/, 'ws');

/** Enters the room while mounted; undefined until the connection object exists. */
export function useCall(options: CallOptions): RoomStore | undefined {
  const [store, setStore] = useState<RoomStore>();
  const { token, choice } = options;
  const entered = useEffectEvent(options.onEntered);
  const ended = useEffectEvent((reason: DisconnectReason | undefined) => {
    const code = codeOfDisconnect(reason);
    if (code === undefined) options.onLeft();
    else options.onError(code);
  });
  const failed = useEffectEvent((error: unknown) => {
    const { expiresAt } = options;
    options.onError(codeOfConnectError(error, expiresAt !== undefined && expiresAt * 1000 < Date.now()));
  });

  useEffect(() => {
    const room = createRoom(choice);
    const next = new RoomStore(room);
    const silence = playRemoteSound(room);
    let current = true;
    let inside = false;
    setStore(next);
    room.on(RoomEvent.Disconnected, (reason) => {
      if (current && inside) ended(reason);
    });
    room.connect(signalUrl(), token).then(
      () => {
        if (!current) return;
        inside = true;
        entered();
      },
      (error: unknown) => {
        if (current) failed(error);
      },
    );
    return () => {
      current = false;
      silence();
      next.close();
      void room.disconnect();
    };
  }, [token, choice]);

  return store;
}

/** The newest snapshot of a room. */
export function useRoom(store: RoomStore): RoomSnapshot {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}
