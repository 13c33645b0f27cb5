import { RoomEvent, Track, type RemoteTrack, type Room } from 'livekit-client';

/** Plays what others say: one audio element per remote sound, as long as it is subscribed. */
export function playRemoteSound(room: Room): () => void {
  const host = document.createElement('div');
  host.hidden = true;
  document.body.append(host);
  const add = (track: RemoteTrack) => {
    if (track.kind === Track.Kind.Audio) host.append(track.attach());
  };
  const remove = (track: RemoteTrack) => {
    if (track.kind === Track.Kind.Audio) for (const element of track.detach()) element.remove();
  };
  room.on(RoomEvent.TrackSubscribed, add);
  room.on(RoomEvent.TrackUnsubscribed, remove);
  return () => {
    room.off(RoomEvent.TrackSubscribed, add);
    room.off(RoomEvent.TrackUnsubscribed, remove);
    host.remove();
  };
}
