// WHIP and WHEP from a page of Chromium, with livekit-client in the same room.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { http, rate, roomName, sees, server, Stage, token, until } from './lib/harness.mjs';

let stage;
before(async () => { stage = await Stage.open(); });
afterEach(() => stage.clear());
after(() => stage.close());

const publisher = (room) => [`${http}/whip`, token('studio', room)];
const player = (room) => [`${http}/whep`, token('screen', room)];

const candidatesTaken = (page) => until(page, () => plain.resource.patches.length > 0 && plain.resource.patches.every((status) => status === 204));
const plays = (page, frames = 30) => until(page, async (frames) => (await plain.received()).frames >= frames, frames, 20_000);
const end = (page) => page.evaluate(() => plain.resource.end());

test('a page publishes by WHIP, and a livekit-client sees it move and hears it', async () => {
  const room = roomName('whip');
  const [bob, studio] = await Promise.all([stage.peer('bob', room), stage.plain()]);

  await studio.evaluate((args) => plain.publish(...args), publisher(room));

  assert.ok((await rate(bob, 'studio', 15)) >= 15);
  assert.equal((await sees(bob, 'studio')).width, 640);
  await until(bob, async () => (await peer.inbound('studio', 'microphone'))?.energy > 0);
  await candidatesTaken(studio);
  assert.equal(await bob.evaluate(() => peer.other('studio').kind), 1, 'ingress');
  assert.equal(await end(studio), 200);
  await until(bob, () => peer.others.length === 0);
});

test('a page plays by WHEP what a livekit-client publishes, over an ICE restart too', async () => {
  const room = roomName('whep');
  const [alice, screen] = await Promise.all([stage.peer('alice', room), stage.plain()]);
  await alice.evaluate(() => peer.publishCamera({ simulcast: false }));
  await alice.evaluate(() => peer.room.localParticipant.setMicrophoneEnabled(true));

  await screen.evaluate((args) => plain.play(...args), player(room));

  await plays(screen);
  assert.equal((await screen.evaluate(() => plain.received())).width, 640);
  await until(screen, async () => (await plain.received()).energy > 0);
  const colour = await screen.evaluate(() => plain.colour());
  await until(screen, (before) => plain.colour().some((value, at) => value !== before[at]), colour);
  await candidatesTaken(screen);
  const { frames } = await screen.evaluate(() => plain.received());
  await screen.evaluate(() => plain.resource.restart());
  await plays(screen, frames + 60);
  assert.equal(await screen.evaluate(() => plain.resource.connection.connectionState), 'connected');
  assert.equal(await alice.evaluate(() => peer.others.length), 0, 'a player is hidden');
  assert.equal(await end(screen), 200);
});

test('a page publishes and another plays it, without an SDK anywhere', async () => {
  const room = roomName('plain');
  const [studio, screen] = await Promise.all([stage.plain(), stage.plain()]);
  await screen.evaluate((args) => plain.play(...args), player(room));

  await studio.evaluate((args) => plain.publish(...args), publisher(room));

  await plays(screen);
  const colour = await screen.evaluate(() => plain.colour());
  await until(screen, (before) => plain.colour().some((value, at) => Math.abs(value - before[at]) > 20), colour);
  assert.deepEqual([await end(studio), await end(screen)], [200, 200]);
});

// Names, and by how much each is smaller than the picture, in the order that the offer lists them in.
const ENCODINGS = [
  ['digits, the whole picture first as OBS has it', [['0', 1], ['1', 2], ['2', 4]]],
  ['low, medium and high', [['l', 4], ['m', 2], ['h', 1]]],
  ['full, half and quarter', [['f', 1], ['h', 2], ['q', 4]]],
];

for (const [names, encodings] of ENCODINGS) {
  test(`each layer comes on request from a publisher that calls them by ${names}`, async () => {
    const room = roomName('layers');
    const [bob, studio] = await Promise.all([stage.peer('bob', room), stage.plain()]);
    // Chromium sends three layers from this size on.
    const size = { width: 1280, height: 720 };
    const wanted = encodings.map(([rid, scaleResolutionDownBy]) => ({ rid, scaleResolutionDownBy }));

    await studio.evaluate((args) => plain.publish(...args), [...publisher(room), { ...size, encodings: wanted }]);

    await sees(bob, 'studio', { frames: 5, seconds: 20 });
    for (const [quality, width] of [['LOW', 320], ['HIGH', 1280], ['MEDIUM', 640]]) {
      await bob.evaluate((quality) => peer.ask('studio', quality), quality);
      await sees(bob, 'studio', { frames: 5, width, seconds: 20 });
    }
  });
}

test('a page of another site may speak WHIP and reads what it is told', async () => {
  const studio = await stage.plain();

  await studio.evaluate((args) => plain.publish(...args), publisher(roomName('cors')));

  assert.notEqual(new URL(studio.url()).origin, new URL(server.url.replace(/^ws/, 'http')).origin);
  assert.match(await studio.evaluate(() => plain.resource.location), /\/whip\/cors-[^/]+\/HS_/);
  assert.match(await studio.evaluate(() => plain.resource.tag), /^"/);
  assert.equal(await end(studio), 200);
});
