import { ConnectionState, RoomEvent, type Room } from 'livekit-client';
import { listPeople, type Person } from './people';

export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

/** What the permissions of the token allow; missing ones count as allowed. */
export interface Allowed {
  publish: boolean;
  data: boolean;
}

/** One immutable picture of the room. */
export interface RoomSnapshot {
  connection: Connection;
  people: Person[];
  allowed: Allowed;
  soundBlocked: boolean;
}

const connections: Record<ConnectionState, Connection> = {
  [ConnectionState.Disconnected]: 'disconnected',
  [ConnectionState.Connecting]: 'connecting',
  [ConnectionState.Connected]: 'connected',
  [ConnectionState.Reconnecting]: 'reconnecting',
  [ConnectionState.SignalReconnecting]: 'reconnecting',
};

const watched = [
  RoomEvent.ConnectionStateChanged,
  RoomEvent.SignalReconnecting,
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantPermissionsChanged,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.TrackStreamStateChanged,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.AudioPlaybackStatusChanged,
] as const;

/**
 * Turns the room's events into snapshots that React can read.
 *
 * Invariants: a snapshot never changes after it was handed out; many events in one task make one
 * new snapshot.
 */
export class RoomStore {
  readonly room: Room;
  #snapshot: RoomSnapshot;
  #listeners = new Set<() => void>();
  #scheduled = false;

  constructor(room: Room) {
    this.room = room;
    this.#snapshot = this.#read();
    for (const event of watched) room.on(event, this.#schedule);
  }

  /** Stops following the room. */
  close(): void {
    for (const event of watched) this.room.off(event, this.#schedule);
    this.#listeners.clear();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): RoomSnapshot => this.#snapshot;

  readonly #schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#snapshot = this.#read();
      for (const listener of this.#listeners) listener();
    });
  };

  #read(): RoomSnapshot {
    const permissions = this.room.localParticipant.permissions;
    return {
      connection: connections[this.room.state],
      people: listPeople(this.room),
      allowed: { publish: permissions?.canPublish ?? true, data: permissions?.canPublishData ?? true },
      soundBlocked: !this.room.canPlaybackAudio,
    };
  }
}
