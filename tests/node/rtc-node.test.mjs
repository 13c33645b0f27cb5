// LiveKit's SDK for Node: two participants in one process, in both connection modes; tokens by the server SDK.

import {
  AudioFrame, AudioSource, AudioStream, dispose, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, SimulateScenarioKind,
  TrackKind, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream,
} from '@livekit/rtc-node';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import { AccessToken } from 'livekit-server-sdk';

const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = process.env;
const PATIENCE = 10_000;
const [WIDTH, HEIGHT] = [320, 180];
const RATE = 48_000;
const HERTZ = 440;

const ending = [];
afterEach(async () => { for (const end of ending.splice(0).reverse()) await end(); });
after(() => dispose());

// Asks until the answer is true.
async function until(check, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function token(identity, room) {
  const made = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { identity, name: identity, ttl: 600, attributes: { sdk: 'node' } });
  made.addGrant({ room, roomJoin: true, canUpdateOwnMetadata: true });
  return made.toJwt();
}

// A participant and what it heard and saw.
class Peer {
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

for (const single of [true, false]) {
  describe(`@livekit/rtc-node, ${single ? 'single' : 'dual'} peer connection`, () => {
    async function pair() {
      const room = `node-${randomUUID().slice(0, 6)}`;
      const peers = [];
      for (const identity of ['alice', 'bob']) {
        const peer = new Peer();
        ending.push(() => peer.room.disconnect());
        await peer.room.connect(LIVEKIT_URL, await token(identity, room), { autoSubscribe: true, dynacast: false, singlePeerConnection: single });
        peers.push(peer);
      }
      const [alice, bob] = peers;
      await until(() => alice.room.remoteParticipants.has('bob') && bob.room.remoteParticipants.has('alice'), 'they know each other');
      return peers;
    }

    test('the token says who somebody is, and changes of metadata and attributes are told', async () => {
      const [alice, bob] = await pair();
      const seen = bob.room.remoteParticipants.get('alice');
      assert.deepEqual([seen.name, seen.attributes], ['alice', { sdk: 'node' }]);

      await alice.me.updateMetadata('new');
      await alice.me.setAttributes({ hand: 'up' });
      await until(() => seen.metadata === 'new' && seen.attributes.hand === 'up', 'the changes');
    });

    test('pictures and sound go both ways', async () => {
      const [alice, bob] = await pair();
      for (const peer of [alice, bob]) {
        await peer.camera();
        await peer.microphone();
      }

      for (const peer of [alice, bob]) {
        await until(() => peer.frames >= 20, 'pictures');
        assert.deepEqual(peer.size, [WIDTH, HEIGHT]);
        await until(() => peer.loud >= 50, `a tone of ${HERTZ} Hz`);
      }
    });

    test('data, text, bytes and RPC reach the other', async () => {
      const [alice, bob] = await pair();
      const got = (text) => bob.data.some(([from, topic, seen]) => from === 'alice' && topic === 't' && seen === text);
      const send = (text, reliable) => alice.me.publishData(new TextEncoder().encode(text), { reliable, topic: 't', destination_identities: ['bob'] });
      // Nothing tells that bob's channels are open but that something arrives.
      await until(async () => got('hello') || void (await send('hello', true)), 'a first packet');
      for (const reliable of [true, false]) {
        await send(`reliable: ${reliable}`, reliable);
        await until(() => got(`reliable: ${reliable}`), `the packet, reliable: ${reliable}`);
      }

      const streams = [];
      bob.room.registerTextStreamHandler('lk.chat', async (reader, from) => streams.push([from.identity, (await reader.readAll()).length]));
      bob.room.registerByteStreamHandler('file', async (reader, from) => streams.push([from.identity, Buffer.concat(await reader.readAll()).length]));
      await alice.me.sendText('x'.repeat(40_000), { topic: 'lk.chat' });
      const writer = await alice.me.streamBytes({ topic: 'file', name: 'file' });
      await writer.write(new Uint8Array(30_000));
      await writer.close();
      await until(() => streams.length === 2, 'both streams');
      assert.deepEqual(streams.sort((a, b) => a[1] - b[1]), [['alice', 30_000], ['alice', 40_000]]);

      bob.me.registerRpcMethod('greet', async ({ callerIdentity, payload }) => `${callerIdentity} ${payload}`);
      assert.equal(await alice.me.performRpc({ destinationIdentity: 'bob', method: 'greet', payload: 'hi' }), 'alice hi');
    });

    test('pictures go on after a resume and after joining anew, and leaving is told', async () => {
      const [alice, bob] = await pair();
      await alice.camera();
      await until(() => bob.frames >= 5, 'pictures');

      for (const scenario of [SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT, SimulateScenarioKind.SIMULATE_FULL_RECONNECT]) {
        for (const peer of [alice, bob]) {
          const before = peer.count('reconnected');
          await peer.room.simulateScenario(scenario);
          await until(() => peer.count('reconnected') > before, 'reconnected', 20_000);
          const frames = bob.frames;
          await until(() => bob.frames >= frames + 5, 'pictures again', 20_000);
        }
      }

      await alice.room.disconnect();
      await until(() => bob.room.remoteParticipants.size === 0, 'alice is gone');
    });
  });
}
