import { deviceErrorCode, type DeviceKind, type DeviceErrorCode } from '../../lib/errors';

/** A device that is off, being opened, delivering, or failed. */
export type DeviceState =
  | { status: 'off' }
  | { status: 'opening' }
  | { status: 'live'; track: MediaStreamTrack }
  | { status: 'failed'; code: DeviceErrorCode };

const videoSize = { width: { ideal: 1280 }, height: { ideal: 720 } };

const constraints = (kind: DeviceKind, deviceId: string): MediaTrackConstraints => ({
  ...(kind === 'camera' ? videoSize : { echoCancellation: true, noiseSuppression: true, autoGainControl: true }),
  ...(deviceId === '' ? {} : { deviceId: { ideal: deviceId } }),
});

const settled = (kind: DeviceKind, track: MediaStreamTrack | undefined): DeviceState =>
  track ? { status: 'live', track } : { status: 'failed', code: `${kind}-missing` };

/** Whether this page may use cameras at all: needs https or localhost, and WebRTC. */
export const canCapture = (): boolean =>
  'mediaDevices' in navigator && 'getUserMedia' in navigator.mediaDevices && 'RTCPeerConnection' in window;

/** Opens one device. Never throws: a failure comes back as a state. */
export async function openDevice(kind: DeviceKind, deviceId: string): Promise<DeviceState> {
  const wanted = constraints(kind, deviceId);
  try {
    const stream = await navigator.mediaDevices.getUserMedia(kind === 'camera' ? { video: wanted } : { audio: wanted });
    return settled(kind, stream.getTracks()[0]);
  } catch (error) {
    return { status: 'failed', code: deviceErrorCode(kind, error) };
  }
}

/** Opens both devices with a single question to the person; if that fails, one after the other. */
export async function openBoth(micId: string, cameraId: string): Promise<{ mic: DeviceState; camera: DeviceState }> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: constraints('mic', micId),
      video: constraints('camera', cameraId),
    });
    return {
      mic: settled('mic', stream.getAudioTracks()[0]),
      camera: settled('camera', stream.getVideoTracks()[0]),
    };
  } catch {
    return { mic: await openDevice('mic', micId), camera: await openDevice('camera', cameraId) };
  }
}

export function stopDevice(state: DeviceState): void {
  if (state.status === 'live') state.track.stop();
}
