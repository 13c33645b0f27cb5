// A camera in two codecs: who can't decode the first gets the second, which is sent only while somebody needs it.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { roomName, sees, Stage, until } from './lib/harness.mjs';

// Numbers of BackupCodecPolicy.
const [, SIMULCAST, REGRESSION] = [0, 1, 2];
const PATIENT = { seconds: 25 };

let stage;
before(async () => { stage = await Stage.open(); });
afterEach(() => stage.clear());
after(() => stage.close());

// alice with a camera, bob who knows all codecs, and carol who lacks the first.
async function meet(single, codec, backupCodecPolicy) {
  const room = roomName('backup');
  const pages = await Promise.all([stage.peer('alice', room, { single }), stage.peer('bob', room, { single }), stage.peer('carol', room, { single, without: codec })]);
  await pages[0].evaluate((camera) => peer.publishCamera(camera), { codec, backupCodecPolicy, backupCodec: { codec: 'vp8' }, scalabilityMode: 'L1T3' });
  return pages;
}

// Both see alice, each in a codec.
async function bothSee(bob, carol, inBob, inCarol) {
  for (const [page, codec] of [[bob, inBob], [carol, inCarol]]) {
    await until(page, async (codec) => (await peer.codec('alice')) === codec, codec, 20_000);
    await sees(page, 'alice', PATIENT);
  }
}

// Nothing more is encoded of a codec of alice's.
const rests = (alice, backup) => until(alice, async (backup) => {
  const frames = async () => (await peer.outbound('camera', backup)).reduce((sum, layer) => sum + (layer.frames ?? 0), 0);
  const before = await frames();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return before > 0 && before === (await frames());
}, backup, 25_000);

for (const single of [true, false]) {
  describe(`${single ? 'single' : 'dual'} peer connection`, () => {
    for (const codec of ['vp9', 'av1']) {
      test(`who lacks ${codec} sees vp8, which rests when nobody needs it`, async () => {
        const [alice, bob, carol] = await meet(single, codec, SIMULCAST);

        await bothSee(bob, carol, `video/${codec.toUpperCase()}`, 'video/VP8');
        assert.equal(await bob.evaluate(() => peer.count('trackSubscribed')), 1);
        assert.equal(await carol.evaluate(() => peer.count('trackSubscribed')), 1);
        await carol.evaluate(() => peer.room.disconnect());
        await rests(alice, 'vp8');
        await sees(bob, 'alice');
      });
    }

    test('all go over to the second codec where the publisher wants that', async () => {
      const [alice, bob, carol] = await meet(single, 'vp9', REGRESSION);

      await bothSee(bob, carol, 'video/VP8', 'video/VP8');
      await rests(alice);
      assert.equal(await bob.evaluate(() => peer.count('trackSubscribed')), 1);
    });

    test('both codecs are muted, unpublished and published again as one', async () => {
      const [alice, bob, carol] = await meet(single, 'vp9', SIMULCAST);
      await bothSee(bob, carol, 'video/VP9', 'video/VP8');

      await alice.evaluate(() => peer.own().mute());
      for (const page of [bob, carol]) await until(page, () => peer.publication('alice').isMuted);
      await alice.evaluate(() => peer.own().unmute());
      await bothSee(bob, carol, 'video/VP9', 'video/VP8');

      await alice.evaluate(() => peer.room.localParticipant.unpublishTrack(peer.own().track));
      for (const page of [bob, carol]) await until(page, () => peer.publication('alice') === undefined);
      await alice.evaluate((camera) => peer.publishCamera(camera), { codec: 'vp9', backupCodecPolicy: SIMULCAST, backupCodec: { codec: 'vp8' }, scalabilityMode: 'L1T3' });
      await bothSee(bob, carol, 'video/VP9', 'video/VP8');
    });

    for (const scenario of ['signal-reconnect', 'full-reconnect']) {
      test(`${scenario} of the publisher and of the viewer keep both codecs`, async () => {
        const [alice, bob, carol] = await meet(single, 'vp9', SIMULCAST);
        await bothSee(bob, carol, 'video/VP9', 'video/VP8');

        for (const page of [alice, carol]) {
          const before = await page.evaluate(() => peer.count('reconnected') + peer.count('signalConnected'));
          await page.evaluate((scenario) => peer.room.simulateScenario(scenario), scenario);
          await until(page, (before) => peer.count('reconnected') + peer.count('signalConnected') > before, before, 20_000);
          await bothSee(bob, carol, 'video/VP9', 'video/VP8');
        }
      });
    }

    test('who can decode no codec of a track is told so', async () => {
      const room = roomName('backup');
      const [alice, carol] = await Promise.all([stage.peer('alice', room, { single }), stage.peer('carol', room, { single, without: 'vp9' })]);
      await alice.evaluate((camera) => peer.publishCamera(camera), { codec: 'vp9', scalabilityMode: 'L1T3' });

      await until(carol, () => peer.count('trackSubscriptionFailed') > 0);
    });
  });
}
