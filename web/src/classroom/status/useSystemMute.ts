import { RoomEvent, Track, type Room } from 'livekit-client';
import { useEffect, useState } from 'react';

/** Whether the system (a key, a switch, another app) silenced a microphone that is on here. */
export function useSystemMute(room: Room): boolean {
  const [muted, setMuted] = useState(false);
  useEffect(() => {
    let watched: MediaStreamTrack | undefined;
    const read = () => {
      setMuted(watched?.muted ?? false);
    };
    const watch = () => {
      const next = room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track?.mediaStreamTrack;
      if (next === watched) return;
      watched?.removeEventListener('mute', read);
      watched?.removeEventListener('unmute', read);
      watched = next;
      watched?.addEventListener('mute', read);
      watched?.addEventListener('unmute', read);
      read();
    };
    const events = [RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.ActiveDeviceChanged] as const;
    watch();
    for (const event of events) room.on(event, watch);
    return () => {
      for (const event of events) room.off(event, watch);
      watched?.removeEventListener('mute', read);
      watched?.removeEventListener('unmute', read);
    };
  }, [room]);
  return muted;
}
