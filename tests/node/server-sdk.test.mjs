// LiveKit's server SDK for JavaScript: rooms and participants are made, asked about and steered.

import { dispose } from '@livekit/rtc-node';
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { DataPacket_Kind, RoomServiceClient, TrackSource } from 'livekit-server-sdk';
import { clear, http, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, Peer, roomName, until } from './lib/peer.mjs';

let api;
before(() => { api = new RoomServiceClient(http, LIVEKIT_API_KEY, LIVEKIT_API_SECRET); });
afterEach(clear);
after(() => dispose());

const isNotFound = (error) => error.code === 'not_found' && error.status === 404;

describe('livekit-server-sdk', () => {
  async function pair() {
    const room = roomName();
    const [alice, bob] = [await new Peer().join('alice', room), await new Peer().join('bob', room)];
    await until(() => alice.room.remoteParticipants.has('bob') && bob.room.remoteParticipants.has('alice'), 'they know each other');
    return [alice, bob, room];
  }

  test('a room is made, listed, changed and deleted', async () => {
    const name = roomName();
    const made = await api.createRoom({ name, emptyTimeout: 60, maxParticipants: 7, metadata: 'first' });
    assert.deepEqual([made.name, made.emptyTimeout, made.maxParticipants, made.metadata], [name, 60, 7, 'first']);
    assert.match(made.sid, /^RM_/);

    const alice = await new Peer().join('alice', name);
    assert.equal(alice.room.metadata, 'first');
    assert.equal((await api.updateRoomMetadata(name, 'second')).metadata, 'second');
    await until(() => alice.room.metadata === 'second', 'the new metadata');
    // The count follows when the participant's connection stands.
    await until(async () => (await api.listRooms([name]))[0]?.numParticipants === 1, 'one participant');

    await api.deleteRoom(name);
    await until(() => alice.count('disconnected') === 1, 'alice is sent away');
    assert.deepEqual(await api.listRooms([name]), []);
  });

  test('participants are listed, changed and removed', async () => {
    const [alice, bob, room] = await pair();
    assert.deepEqual((await api.listParticipants(room)).map((who) => who.identity).sort(), ['alice', 'bob']);

    const changed = await api.updateParticipant(room, 'alice', { name: 'Alice', metadata: 'm', attributes: { hand: 'up' } });
    assert.deepEqual([changed.name, changed.metadata, changed.attributes.hand], ['Alice', 'm', 'up']);
    const seen = bob.room.remoteParticipants.get('alice');
    await until(() => seen.name === 'Alice' && seen.metadata === 'm' && seen.attributes.hand === 'up', 'the changes');
    assert.equal((await api.getParticipant(room, 'alice')).name, 'Alice');

    await api.removeParticipant(room, 'alice');
    await until(() => alice.count('disconnected') === 1 && bob.room.remoteParticipants.size === 0, 'alice is out');
    await assert.rejects(api.getParticipant(room, 'alice'), isNotFound);
  });

  test('a track is muted, unsubscribed and forbidden', async () => {
    const [alice, bob, room] = await pair();
    const { sid } = await alice.camera();
    await until(() => bob.frames >= 5, 'pictures');

    await api.updateSubscriptions(room, 'bob', [sid], false);
    // The SDK doesn't tell of this, but no more pictures come.
    await until(async () => {
      const before = bob.frames;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return bob.frames === before;
    }, 'no more pictures');
    await api.updateSubscriptions(room, 'bob', [sid], true);
    const before = bob.frames;
    await until(() => bob.frames >= before + 5, 'pictures again');

    const muted = await api.mutePublishedTrack(room, 'alice', sid, true);
    assert.deepEqual([muted.sid, muted.muted, muted.source], [sid, true, TrackSource.CAMERA]);
    await until(() => bob.count('trackMuted') === 1, 'the mute is told');

    await api.updateParticipant(room, 'alice', { permission: { canPublish: false, canSubscribe: true, canPublishData: true } });
    await until(() => bob.count('trackUnpublished') === 1, 'the track is taken away');
  });

  test('data from the server reaches those it is for', async () => {
    const [alice, bob, room] = await pair();
    const got = (peer, text) => peer.data.filter(([from, topic, seen]) => from === undefined && topic === 'news' && seen === text).length;
    const send = (text, kind, destinationIdentities) => api.sendData(room, new TextEncoder().encode(text), kind, { topic: 'news', destinationIdentities });
    for (const peer of [alice, bob]) {
      await until(async () => got(peer, 'hello') > 0 || void (await send('hello', DataPacket_Kind.RELIABLE, [])), 'a first packet');
    }

    await send('for bob', DataPacket_Kind.RELIABLE, ['bob']);
    await send('for all', DataPacket_Kind.RELIABLE, []);
    await until(() => got(alice, 'for all') === 1 && got(bob, 'for all') === 1, 'the packet for all');
    assert.deepEqual([got(alice, 'for bob'), got(bob, 'for bob')], [0, 1]);
  });

  test('wrong secrets, missing rooms and strangers are refused with their codes', async () => {
    const forged = new RoomServiceClient(http, LIVEKIT_API_KEY, `${LIVEKIT_API_SECRET}x`);
    await assert.rejects(forged.listRooms(), (error) => error.status === 401);
    await assert.rejects(api.getParticipant(roomName(), 'alice'), isNotFound);
    await assert.rejects(api.deleteRoom(roomName()), isNotFound);
  });
});
