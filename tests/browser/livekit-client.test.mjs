// Plain livekit-client in two pages, in both connection modes.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { rate, roomName, sees, Stage, until } from './lib/harness.mjs';

const FPS_MIN = 15;
let stage;
before(async () => { stage = await Stage.open(); });
afterEach(() => stage.clear());
after(() => stage.close());

// alice with a camera and bob, who watches her.
async function pair(single, { camera, alice = {}, bob = {} } = {}) {
  const room = roomName('browser');
  const pages = await Promise.all([stage.peer('alice', room, { single, ...alice }), stage.peer('bob', room, { single, ...bob })]);
  if (camera !== null) await pages[0].evaluate((camera) => peer.publishCamera(camera), camera ?? { simulcast: false });
  return [...pages, room];
}

for (const single of [true, false]) {
  describe(`${single ? 'single' : 'dual'} peer connection`, () => {
    test('cameras and microphones go both ways at 15 pictures a second or more', async (t) => {
      const [alice, bob] = await pair(single);
      await bob.evaluate(() => peer.publishCamera({ simulcast: false }));
      await Promise.all([alice, bob].map((page) => page.evaluate(() => peer.room.localParticipant.setMicrophoneEnabled(true))));

      const rates = await Promise.all([rate(bob, 'alice', FPS_MIN), rate(alice, 'bob', FPS_MIN)]);
      t.diagnostic(`pictures per second: ${rates.map((r) => r.toFixed(1)).join(', ')}`);
      assert.ok(Math.min(...rates) >= FPS_MIN, `${rates}`);
      const { width, height } = await sees(bob, 'alice', { width: 640 });
      assert.deepEqual([width, height], [640, 360]);
      for (const [page, other] of [[alice, 'bob'], [bob, 'alice']]) {
        // Chromium's fake microphone beeps.
        await until(page, async (other) => (await peer.inbound(other, 'microphone'))?.energy > 0, other);
      }
    });

    test('sound is sent and heard with redundancy, and plain where that is asked for', async (t) => {
      const [alice, bob, room] = await pair(single, { camera: null });
      const carol = await stage.peer('carol', room, { single });
      await Promise.all([[alice, true], [carol, false]].map(([page, red]) => page.evaluate((red) => peer.room.localParticipant.setMicrophoneEnabled(true, undefined, { red }), red)));

      // Chromium's statistics call both Opus; what repeats the packet before is twice as long.
      const [repeated, plain] = await Promise.all(['alice', 'carol'].map((other) => until(bob, (other) => peer.soundPacketBytes(other), other)));
      t.diagnostic(`bytes per packet: ${repeated.toFixed(0)} with redundancy, ${plain.toFixed(0)} without`);
      assert.ok(repeated > plain * 1.5);
      const mimeTypes = await bob.evaluate(() => ['alice', 'carol'].map((other) => peer.publication(other, 'microphone').mimeType));
      assert.deepEqual(mimeTypes, ['audio/red', 'audio/opus']);
      for (const other of ['alice', 'carol']) await until(bob, async (other) => (await peer.inbound(other, 'microphone'))?.energy > 0, other);
    });

    for (const codec of ['vp8', 'h264']) {
      test(`each ${codec} layer comes on request`, async () => {
        const [, bob] = await pair(single, { camera: { width: 1280, height: 720, codec } });
        await sees(bob, 'alice', { frames: 5, seconds: 15 });

        for (const [quality, width] of [['LOW', 320], ['HIGH', 1280], ['MEDIUM', 640], ['LOW', 320]]) {
          await bob.evaluate((quality) => peer.ask('alice', quality), quality);
          await sees(bob, 'alice', { frames: 5, width, seconds: 20 });
        }
      });
    }

    for (const codec of ['vp9', 'av1']) {
      test(`each spatial layer of ${codec} comes on request`, async () => {
        const [, bob] = await pair(single, { camera: { width: 1280, height: 720, codec, scalabilityMode: 'L3T3_KEY' } });
        await sees(bob, 'alice', { frames: 5, seconds: 15 });

        for (const [quality, width] of [['LOW', 320], ['HIGH', 1280], ['MEDIUM', 640]]) {
          await bob.evaluate((quality) => peer.ask('alice', quality), quality);
          await sees(bob, 'alice', { frames: 5, width, seconds: 20 });
        }
      });
    }

    test('a small tile gets a small layer, a hidden one pauses the publisher, a shown one wakes it', async () => {
      const [alice, bob] = await pair(single, { camera: { width: 640, height: 360 }, bob: { adaptiveStream: { pixelDensity: 1 } } });
      const tile = bob.locator('video[data-identity=alice]');
      const style = (style) => tile.evaluate((element, style) => Object.assign(element.style, style), style);
      await tile.waitFor();

      await style({ width: '640px', height: '360px' });
      await sees(bob, 'alice', { frames: 5, width: 640, seconds: 15 });
      await style({ width: '160px', height: '90px' });
      await sees(bob, 'alice', { frames: 5, width: 160, seconds: 15 });
      await until(alice, async () => (await peer.outbound()).filter((layer) => layer.active).length === 1, null, 20_000);

      await style({ display: 'none' });
      await until(alice, async () => {
        const layers = await peer.outbound();
        return layers.length > 1 && layers.every((layer) => layer.active === false);
      }, null, 20_000);

      await style({ display: '', width: '640px', height: '360px' });
      await sees(bob, 'alice', { frames: 10, width: 640, seconds: 15 });
    });

    test('a shared screen is seen and ends', async () => {
      const [alice, bob] = await pair(single);
      await sees(bob, 'alice');

      await alice.evaluate(() => peer.room.localParticipant.setScreenShareEnabled(true, { audio: false, preferCurrentTab: true, selfBrowserSurface: 'include' }, { simulcast: false }));
      await sees(bob, 'alice', { source: 'screen_share', frames: 3, seconds: 15 });
      await alice.evaluate(() => peer.room.localParticipant.setScreenShareEnabled(false));
      await until(bob, () => peer.publication('alice', 'screen_share') === undefined);

      await sees(bob, 'alice');
    });

    test('muting stops the pictures and unmuting brings them back', async () => {
      const [alice, bob] = await pair(single);
      await sees(bob, 'alice');

      await alice.evaluate(() => peer.room.localParticipant.getTrackPublication('camera').mute());
      await until(bob, () => peer.publication('alice').isMuted);
      await alice.evaluate(() => peer.room.localParticipant.getTrackPublication('camera').unmute());
      await until(bob, () => !peer.publication('alice').isMuted);

      await sees(bob, 'alice');
    });

    test('a track is unsubscribed and subscribed again', async () => {
      const [, bob] = await pair(single);
      await sees(bob, 'alice');

      for (let turn = 0; turn < 3; turn++) {
        await bob.evaluate(() => peer.publication('alice').setSubscribed(false));
        await until(bob, () => peer.publication('alice').track === undefined);
        await bob.evaluate(() => peer.publication('alice').setSubscribed(true));
        await sees(bob, 'alice', { frames: 5 });
      }
    });

    test('ten republications show pictures each time and keep the SDP bounded', async (t) => {
      const [alice, bob] = await pair(single);
      const sections = () => bob.evaluate(() => {
        const { publisher, subscriber } = peer.room.engine.pcManager;
        return Math.max(...[publisher, subscriber].map((pc) => pc?.getRemoteDescription()?.sdp.split('\nm=').length ?? 0));
      });
      await sees(bob, 'alice', { frames: 3 });
      const start = await sections();

      for (let turn = 0; turn < 10; turn++) {
        const gone = await bob.evaluate(() => peer.count('trackUnpublished'));
        await alice.evaluate(() => peer.room.localParticipant.unpublishTrack(peer.room.localParticipant.getTrackPublication('camera').track));
        await until(bob, (gone) => peer.count('trackUnpublished') > gone, gone);
        await alice.evaluate(() => peer.publishCamera({ simulcast: false }));
        await sees(bob, 'alice', { frames: 3 });
      }

      const end = await sections();
      t.diagnostic(`media sections at the subscriber: ${start}, after ten turns ${end}`);
      assert.ok(end <= start + 2, `${start} to ${end}`);
    });

    test('data, chat text and RPC reach the other, and a false name is overwritten', async () => {
      const [alice, bob] = await pair(single, { camera: null });
      await bob.evaluate(() => {
        peer.texts = [];
        peer.room.registerTextStreamHandler('lk.chat', async (reader, from) => peer.texts.push([from.identity, await reader.readAll()]));
        peer.room.localParticipant.registerRpcMethod('greet', async (call) => `${call.callerIdentity} ${call.payload}`);
      });
      await until(alice, () => peer.room.remoteParticipants.get('bob')?.isActive);

      await alice.evaluate(() => peer.room.localParticipant.publishData(new TextEncoder().encode('reliable'), { reliable: true, topic: 't' }));
      await until(bob, () => peer.data.some((d) => d.text === 'reliable' && d.from === 'alice' && d.topic === 't'));
      await alice.evaluate(() => peer.room.localParticipant.sendText('x'.repeat(50_000), { topic: 'lk.chat' }));
      await until(bob, () => peer.texts.some(([from, text]) => from === 'alice' && text.length === 50_000));
      assert.equal(await alice.evaluate(() => peer.room.localParticipant.performRpc({ destinationIdentity: 'bob', method: 'greet', payload: 'hi' })), 'alice hi');

      await alice.evaluate(() => peer.forge('mallory', 'forged'));
      await until(bob, () => peer.data.some((d) => d.text === 'forged'));
      assert.deepEqual(await bob.evaluate(() => peer.data.filter((d) => d.text === 'forged').map((d) => d.from)), ['alice']);
    });

    for (const who of ['bob', 'alice']) {
      const scenarios = who === 'bob'
        ? ['signal-reconnect', 'resume-reconnect', 'full-reconnect', 'migration', 'node-failure', 'disconnect-signal-on-resume']
        : ['resume-reconnect', 'full-reconnect'];
      test(`pictures go on both ways after ${scenarios.join(', ')} at ${who}`, async (t) => {
        const [alice, bob] = await pair(single);
        await bob.evaluate(() => peer.publishCamera({ simulcast: false }));
        await Promise.all([sees(bob, 'alice'), sees(alice, 'bob')]);
        const page = { alice, bob }[who];

        for (const scenario of scenarios) {
          const before = await page.evaluate(() => peer.count('reconnected'));
          const start = Date.now();
          await page.evaluate((scenario) => peer.room.simulateScenario(scenario), scenario);
          await until(page, (before) => peer.count('reconnected') > before && peer.room.state === 'connected', before, 25_000)
            .catch((error) => { throw new Error(`${scenario}: ${error.message}`); });
          await Promise.all([sees(bob, 'alice', { seconds: 15 }), sees(alice, 'bob', { seconds: 15 })])
            .catch((error) => { throw new Error(`${scenario}: ${error.message}`); });
          t.diagnostic(`${scenario} at ${who}: pictures both ways after ${Date.now() - start} ms`);
        }
        assert.equal(await page.evaluate(() => peer.count('disconnected')), 0);
      });
    }

    test('leaving is told, and the second of one identity takes over', async () => {
      const [alice, bob, room] = await pair(single);
      await sees(bob, 'alice');

      const again = await stage.peer('alice', room, { single });
      await until(alice, () => peer.room.state === 'disconnected');
      // 2 is DUPLICATE_IDENTITY.
      assert.equal(await alice.evaluate(() => peer.events.find((e) => e.name === 'disconnected').first), 2);
      await again.evaluate(() => peer.publishCamera({ simulcast: false }));
      await sees(bob, 'alice');

      await again.evaluate(() => peer.room.disconnect());
      await until(bob, () => peer.room.remoteParticipants.size === 0);
    });
  });
}
