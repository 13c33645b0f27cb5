// livekit-client as apps of earlier years have it, in a room with the newest. They know the dual peer connection only.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { clientVersion, roomName, sees, Stage, until } from './lib/harness.mjs';

// Scenarios of simulateScenario after which the call goes on.
const SCENARIOS = ['signal-reconnect', 'resume-reconnect', 'full-reconnect', 'migration', 'node-failure', 'disconnect-signal-on-resume', 'disconnect-signal-on-resume-no-messages'];
const CLIENTS = {
  'livekit-client-2.9': { streams: true, scenarios: [...SCENARIOS, 'leave-full-reconnect'] },
  // This one tells nobody of a resume; how many sockets it opens is what shows.
  'livekit-client-2.0': { streams: false, scenarios: SCENARIOS, silent: { 'signal-reconnect': 1, 'disconnect-signal-on-resume': 2, 'disconnect-signal-on-resume-no-messages': 2 } },
  'livekit-client-1.15': { streams: false, scenarios: SCENARIOS },
};

let stage;
before(async () => { stage = await Stage.open(); });
afterEach(() => stage.clear());
after(() => stage.close());

const seeEachOther = (old, now, wanted) => Promise.all([sees(old, 'now', wanted), sees(now, 'old', wanted)]);

for (const [client, { streams, scenarios, silent = {} }] of Object.entries(CLIENTS)) {
  describe(`livekit-client ${await clientVersion(client)}`, () => {
    // Someone with the old client and someone with the newest.
    async function meet({ camera = { simulcast: false } } = {}) {
      const room = roomName('ages');
      const [old, now] = await Promise.all([stage.peer('old', room, { client }), stage.peer('now', room)]);
      if (camera) await Promise.all([old, now].map((page) => page.evaluate((camera) => peer.publishCamera(camera), camera)));
      return [old, now];
    }

    test('cameras and microphones go both ways, and muting is told and undone', async () => {
      const [old, now] = await meet();
      await Promise.all([old, now].map((page) => page.evaluate(() => peer.room.localParticipant.setMicrophoneEnabled(true))));

      await seeEachOther(old, now, { frames: 20, seconds: 20 });
      for (const [page, other] of [[old, 'now'], [now, 'old']]) {
        await until(page, async (other) => (await peer.inbound(other, 'microphone'))?.energy > 0, other);
      }
      for (const [page, self, watcher] of [[old, 'old', now], [now, 'now', old]]) {
        await page.evaluate(() => peer.own().mute());
        await until(watcher, (self) => peer.publication(self).isMuted, self);
        await page.evaluate(() => peer.own().unmute());
        await until(watcher, (self) => !peer.publication(self).isMuted, self);
        await sees(watcher, self);
      }
    });

    test('each layer comes on request', async () => {
      const [old, now] = await meet({ camera: {} });
      await seeEachOther(old, now, { frames: 5, seconds: 20 });

      for (const [page, other] of [[old, 'now'], [now, 'old']]) {
        for (const [quality, width] of [['LOW', 160], ['HIGH', 640], ['LOW', 160]]) {
          await page.evaluate(([other, quality]) => peer.ask(other, quality), [other, quality]);
          await sees(page, other, { frames: 5, width, seconds: 20 });
        }
      }
    });

    test(`data${streams ? ', text and RPC' : ''} reach the other`, async () => {
      const [old, now] = await meet({ camera: null });
      for (const [page, self, other, to] of [[old, 'old', now, 'now'], [now, 'now', old, 'old']]) {
        for (const reliable of [true, false]) {
          await until(page, ([to, self, reliable]) => peer.offerData(to, self, reliable), [to, self, reliable]);
          await until(other, ([self, reliable]) => peer.data.some((d) => d.from === self && d.topic === String(reliable)), [self, reliable]);
        }
      }
      if (!streams) return;

      for (const [page, self, other, to] of [[old, 'old', now, 'now'], [now, 'now', old, 'old']]) {
        await other.evaluate(() => {
          peer.texts = [];
          peer.room.registerTextStreamHandler('lk.chat', async (reader, from) => peer.texts.push([from.identity, await reader.readAll()]));
          (peer.room.registerRpcMethod ? peer.room : peer.room.localParticipant).registerRpcMethod('greet', async (call) => `${call.callerIdentity} ${call.payload}`);
        });
        await page.evaluate(() => peer.room.localParticipant.sendText('x'.repeat(40_000), { topic: 'lk.chat' }));
        await until(other, (self) => peer.texts.some(([from, text]) => from === self && text.length === 40_000), self);
        assert.equal(await page.evaluate((to) => peer.room.localParticipant.performRpc({ destinationIdentity: to, method: 'greet', payload: 'hi' }), to), `${self} hi`);
      }
    });

    test('tracks are unsubscribed and subscribed, unpublished and published again, and leaving is told', async () => {
      const [old, now] = await meet();
      await seeEachOther(old, now);

      for (let turn = 0; turn < 2; turn++) {
        await old.evaluate(() => peer.publication('now').setSubscribed(false));
        await until(old, () => peer.publication('now').track === undefined);
        await old.evaluate(() => peer.publication('now').setSubscribed(true));
        await sees(old, 'now');

        for (const [page, self, watcher] of [[old, 'old', now], [now, 'now', old]]) {
          await page.evaluate(() => peer.room.localParticipant.unpublishTrack(peer.own().track));
          await until(watcher, (self) => peer.publication(self) === undefined, self);
          await page.evaluate(() => peer.publishCamera({ simulcast: false }));
          await sees(watcher, self);
        }
      }

      await old.evaluate(() => peer.room.disconnect());
      await until(now, () => peer.others.length === 0);
    });

    test(`pictures go on both ways after ${scenarios.join(', ')}`, async (t) => {
      const [old, now] = await meet();
      await seeEachOther(old, now);

      for (const scenario of scenarios) {
        const before = await old.evaluate(() => ({ sockets: peer.sockets, reconnected: peer.count('reconnected') }));
        const over = scenario in silent ? { ...before, sockets: before.sockets + silent[scenario] } : { ...before, reconnected: before.reconnected + 1 };
        const start = Date.now();
        await old.evaluate((scenario) => peer.room.simulateScenario(scenario), scenario);
        try {
          await until(old, (over) => peer.sockets >= over.sockets && peer.count('reconnected') >= over.reconnected && peer.room.state === 'connected', over, 25_000);
          await seeEachOther(old, now, { seconds: 20 });
        } catch (error) {
          throw new Error(`${scenario}: ${error.message}`);
        }
        t.diagnostic(`${scenario}: pictures both ways after ${Date.now() - start} ms`);
      }
      assert.equal(await old.evaluate(() => peer.count('disconnected')), 0);

      await old.evaluate(() => peer.room.simulateScenario('server-leave'));
      await until(old, () => peer.room.state === 'disconnected');
    });
  });
}
