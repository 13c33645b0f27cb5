// livekit-client as apps of earlier years have it, in a room with the newest. They know the dual peer connection only.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { clientVersion, roomName, sees, Stage, until } from './lib/harness.mjs';
import { bothWays, changeLayers, leave, muteAndUnmute, republish, seeEachOther, sendData, talk } from './lib/steps.mjs';

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

for (const [client, { streams, scenarios, silent = {} }] of Object.entries(CLIENTS)) {
  describe(`livekit-client ${await clientVersion(client)}`, () => {
    // Someone with the old client and someone with the newest.
    async function meet({ camera = { simulcast: false } } = {}) {
      const room = roomName('ages');
      const [old, now] = await Promise.all([stage.peer('old', room, { client }), stage.peer('now', room)]);
      if (camera) await Promise.all([old, now].map((page) => page.evaluate((camera) => peer.publishCamera(camera), camera)));
      return [[old, 'old'], [now, 'now']];
    }

    test('cameras and microphones go both ways, and muting is told and undone', async () => {
      const pair = await meet();

      await seeEachOther(pair, { frames: 20, seconds: 20 });
      await talk(pair);
      await muteAndUnmute(pair);
    });

    test('each layer comes on request', async () => {
      await changeLayers(await meet({ camera: {} }));
    });

    test(`data${streams ? ', text and RPC' : ''} reach the other`, async () => {
      const pair = await meet({ camera: null });
      await sendData(pair);
      if (!streams) return;

      for (const [page, self, other, to] of bothWays(pair)) {
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
      const pair = await meet();
      const [[old]] = pair;
      await seeEachOther(pair);

      for (let turn = 0; turn < 2; turn++) {
        await old.evaluate(() => peer.publication('now').setSubscribed(false));
        await until(old, () => peer.publication('now').track === undefined);
        await old.evaluate(() => peer.publication('now').setSubscribed(true));
        await sees(old, 'now');
        await republish(pair);
      }
      await leave(pair);
    });

    test(`pictures go on both ways after ${scenarios.join(', ')}`, async (t) => {
      const pair = await meet();
      const [[old]] = pair;
      await seeEachOther(pair);

      for (const scenario of scenarios) {
        const before = await old.evaluate(() => ({ sockets: peer.sockets, reconnected: peer.count('reconnected') }));
        const over = scenario in silent ? { ...before, sockets: before.sockets + silent[scenario] } : { ...before, reconnected: before.reconnected + 1 };
        const start = Date.now();
        await old.evaluate((scenario) => peer.room.simulateScenario(scenario), scenario);
        try {
          await until(old, (over) => peer.sockets >= over.sockets && peer.count('reconnected') >= over.reconnected && peer.room.state === 'connected', over, 25_000);
          await seeEachOther(pair, { seconds: 20 });
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
