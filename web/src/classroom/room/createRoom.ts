import { Room, ScreenSharePresets, VideoPresets, type ScreenShareCaptureOptions } from 'livekit-client';
import type { DeviceChoice } from '../../lib/profile';

const device = (id: string) => (id === '' ? {} : { deviceId: { ideal: id } });

/** A room that sends layers, asks only for sizes that are shown, and uses the chosen devices. */
export function createRoom(choice: DeviceChoice): Room {
  return new Room({
    adaptiveStream: true,
    dynacast: true,
    disconnectOnPageLeave: true,
    audioCaptureDefaults: device(choice.audioInput),
    videoCaptureDefaults: { ...device(choice.videoInput), resolution: VideoPresets.h720.resolution },
    ...(choice.audioOutput === '' ? {} : { audioOutput: { deviceId: choice.audioOutput } }),
    publishDefaults: { simulcast: true, dtx: true, red: true },
  });
}

/** Sharp text before smooth motion; with the sound of the tab or system if the browser offers it. */
export const shareOptions: ScreenShareCaptureOptions = {
  audio: true,
  contentHint: 'detail',
  resolution: ScreenSharePresets.h1080fps15.resolution,
  selfBrowserSurface: 'exclude',
  surfaceSwitching: 'include',
  systemAudio: 'include',
};
