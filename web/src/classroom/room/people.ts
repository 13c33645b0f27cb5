import { ConnectionQuality, Track, type Participant, type Room, type TrackPublication, type VideoTrack } from 'livekit-client';

export type Quality = 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';

/** One person in the room as the screen needs them; a plain value, made anew on each change. */
export interface Person {
  identity: string;
  name: string;
  isLocal: boolean;
  micOn: boolean;
  cameraOn: boolean;
  camera: VideoTrack | undefined;
  /** The server stopped sending the picture because our way down is too narrow. */
  cameraPaused: boolean;
  share: VideoTrack | undefined;
  speaking: boolean;
  quality: Quality;
  joinedAt: number;
}

const qualities: Record<ConnectionQuality, Quality> = {
  [ConnectionQuality.Excellent]: 'excellent',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'poor',
  [ConnectionQuality.Lost]: 'lost',
  [ConnectionQuality.Unknown]: 'unknown',
};

const videoOf = (publication: TrackPublication | undefined): VideoTrack | undefined => {
  if (!publication || publication.isMuted) return undefined;
  return publication.videoTrack;
};

function toPerson(participant: Participant, isLocal: boolean): Person {
  const mic = participant.getTrackPublication(Track.Source.Microphone);
  const camera = participant.getTrackPublication(Track.Source.Camera);
  const share = participant.getTrackPublication(Track.Source.ScreenShare);
  const micOn = mic !== undefined && !mic.isMuted;
  return {
    identity: participant.identity,
    name: participant.name === undefined || participant.name === '' ? participant.identity : participant.name,
    isLocal,
    micOn,
    cameraOn: camera !== undefined && !camera.isMuted,
    camera: videoOf(camera),
    cameraPaused: camera?.videoTrack?.streamState === Track.StreamState.Paused,
    share: videoOf(share),
    speaking: participant.isSpeaking && micOn,
    quality: qualities[participant.connectionQuality],
    joinedAt: participant.joinedAt?.getTime() ?? 0,
  };
}

/** Everybody in the room, the own person first, then by the time they came. */
export function listPeople(room: Room): Person[] {
  const others = [...room.remoteParticipants.values()]
    .map((participant) => toPerson(participant, false))
    .sort((a, b) => a.joinedAt - b.joinedAt || a.identity.localeCompare(b.identity));
  return [toPerson(room.localParticipant, true), ...others];
}
