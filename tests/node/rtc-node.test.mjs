// LiveKit's SDK for Node: two participants in one process, in both connection modes; tokens by the server SDK.

import { dispose, SimulateScenarioKind } from '@livekit/rtc-node';
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { clear, HEIGHT, HERTZ, Peer, roomName, until, WIDTH } from './lib/peer.mjs';

afterEach(clear);
after(() => dispose());

for (const single of [true, false]) {
  describe(`@livekit/rtc-node, ${single ? 'single' : 'dual'} peer connection`, () => {
    async function pair() {
      const room = roomName();
      const [alice, bob] = [await new Peer().join('alice', room, { single }), await new Peer().join('bob', room, { single })];
      await until(() => alice.room.remoteParticipants.has('bob') && bob.room.remoteParticipants.has('alice'), 'they know each other');
      return [alice, bob];
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
