// Participants with LiveKit's SDK for Node, and waiting with a deadline.

import {
  AudioFrame, AudioSource, AudioStream, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, TrackKind, TrackPublishOptions,
  TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream,
} from '@livekit/rtc-node';
import { randomUUID } from 'node:crypto';
import { AccessToken } from 'livekit-server-sdk';

export const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = process.env;
export const http = LIVEKIT_URL.replace(/^ws/, 'http');
const PATIENCE = 10_000;
export const [WIDTH, HEIGHT] = [320, 180];
const RATE = 48_000;
export const HERTZ = 440;

const ending = [];

// Ends all that a test began.
export async function clear() {
  for (const end of ending.splice(0).reverse()) await end();
}

export const roomName = () => `node-${randomUUID().slice(0, 6)}`;

// Asks until the answer is true.
export async function until(check, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function token(identity, room) {
  const made = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { identity, name: identity, ttl: 600, attributes: { sdk: 'node' } });
  made.addGrant({ room, roomJoin: true, canUpdateOwnMetadata: true });
  return made.toJwt();
}

// A participant and what it heard and saw.
export class Peer {
  room = new Room();
  events = [];
  data = [];
  frames = 0;
  size = [];
  loud = 0;

  constructor() {
    for (const name of Object.values(RoomEvent)) this.room.on(name, () => this.events.push(name));
    this.room.on(RoomEvent.DataReceived, (payload, from, kind, topic) => this.data.push([from?.identity, topic, new TextDecoder().decode(payload)]));
    this.room.on(RoomEvent.TrackSubscribed, (track) => (track.kind === TrackKind.KIND_VIDEO ? this.#watch(track) : this.#listen(track)));
  }

  async #watch(track) {
    for await (const { frame } of new VideoStream(track)) {
      this.frames += 1;
      this.size = [frame.width, frame.height];
    }
  }

  // Counts the frames in which most of the energy is at HERTZ.
  async #listen(track) {
    for await (const { data } of new AudioStream(track, RATE, 1)) {
      let [sine, cosine, energy] = [0, 0, 0];
      data.forEach((sample, n) => {
        const angle = (2 * Math.PI * HERTZ * n) / RATE;
        sine += sample * Math.sin(angle);
        cosine += sample * Math.cos(angle);
        energy += sample * sample;
      });
      if (energy > 0 && (2 * (sine ** 2 + cosine ** 2)) / (energy * data.length) > 0.5) this.loud += 1;
    }
  }

  async join(identity, room, { single = true } = {}) {
    ending.push(() => this.room.disconnect());
    await this.room.connect(LIVEKIT_URL, await token(identity, room), { autoSubscribe: true, dynacast: false, singlePeerConnection: single });
    return this;
  }

  get me() {
    return this.room.localParticipant;
  }

  count(name) {
    return this.events.filter((event) => event === name).length;
  }

  async camera() {
    const source = new VideoSource(WIDTH, HEIGHT);
    const frame = new VideoFrame(new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128), WIDTH, HEIGHT, VideoBufferType.I420);
    let pictures = 0;
    const timer = setInterval(() => {
      frame.data.fill((pictures += 1) % 200, 0, WIDTH * HEIGHT);
      source.captureFrame(frame);
    }, 50);
    ending.push(() => clearInterval(timer));
    return this.me.publishTrack(LocalVideoTrack.createVideoTrack('camera', source), new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }));
  }

  async microphone() {
    const source = new AudioSource(RATE, 1);
    const samples = RATE / 100;
    let [going, at] = [true, 0];
    const talk = (async () => {
      while (going) {
        const data = Int16Array.from({ length: samples }, (_, n) => 12_000 * Math.sin((2 * Math.PI * HERTZ * (at + n)) / RATE));
        at += samples;
        await source.captureFrame(new AudioFrame(data, RATE, 1, samples));
      }
    })();
    ending.push(async () => { going = false; await talk; });
    return this.me.publishTrack(LocalAudioTrack.createAudioTrack('microphone', source), new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
  }
}

