// What two people do in a call, whoever they are. Each takes the two as `[page, identity]`.

import { sees, until } from './harness.mjs';

// Each once as `[page, identity, other page, other identity]`.
export const bothWays = ([a, b]) => [[...a, ...b], [...b, ...a]];

export const seeEachOther = (pair, wanted) => Promise.all(bothWays(pair).map(([page, , , other]) => sees(page, other, wanted)));

// Both turn their microphones on, and hear each other.
export async function talk(pair) {
  await Promise.all(pair.map(([page]) => page.evaluate(() => peer.room.localParticipant.setMicrophoneEnabled(true))));
  for (const [page, , , other] of bothWays(pair)) {
    await until(page, async (other) => (await peer.inbound(other, 'microphone'))?.energy > 0, other);
  }
}

// Each mutes the camera and unmutes it, and the other is told.
export async function muteAndUnmute(pair) {
  for (const [page, self, watcher] of bothWays(pair)) {
    await page.evaluate(() => peer.own().mute());
    await until(watcher, (self) => peer.publication(self).isMuted, self);
    await page.evaluate(() => peer.own().unmute());
    await until(watcher, (self) => !peer.publication(self).isMuted, self);
    await sees(watcher, self);
  }
}

// Each asks for a small layer of the other's camera, a large one and a small one again.
export async function changeLayers(pair) {
  await seeEachOther(pair, { frames: 5, seconds: 20 });
  for (const [page, , , other] of bothWays(pair)) {
    for (const [quality, width] of [['LOW', 160], ['HIGH', 640], ['LOW', 160]]) {
      await page.evaluate(([other, quality]) => peer.ask(other, quality), [other, quality]);
      await sees(page, other, { frames: 5, width, seconds: 20 });
    }
  }
}

// Each sends the other a packet that must arrive and one that may be lost.
export async function sendData(pair) {
  for (const [page, self, other, to] of bothWays(pair)) {
    for (const reliable of [true, false]) {
      await until(page, ([to, self, reliable]) => peer.offerData(to, self, reliable), [to, self, reliable]);
      await until(other, ([self, reliable]) => peer.data.some((d) => d.from === self && d.topic === String(reliable)), [self, reliable]);
    }
  }
}

// Each unpublishes the camera and publishes it again.
export async function republish(pair) {
  for (const [page, self, watcher] of bothWays(pair)) {
    await page.evaluate(() => peer.room.localParticipant.unpublishTrack(peer.own().track));
    await until(watcher, (self) => peer.publication(self) === undefined, self);
    await page.evaluate(() => peer.publishCamera({ simulcast: false }));
    await sees(watcher, self);
  }
}

// The first leaves, and the second is told.
export async function leave([[page], [other]]) {
  await page.evaluate(() => peer.room.disconnect());
  await until(other, () => peer.others.length === 0);
}
