// LiveKit's server SDK for JavaScript: rooms and participants, dispatches, webhooks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dispose, Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken, AgentDispatchClient, DataPacket_Kind, RoomServiceClient, WebhookReceiver } from 'livekit-server-sdk';

const { LIVEKIT_URL, LIVEKIT_API_KEY: KEY, LIVEKIT_API_SECRET: SECRET, CLAPT_BINARY } = process.env;
const PATIENCE = 10_000;
const backend = new RoomServiceClient(LIVEKIT_URL, KEY, SECRET);
const agents = new AgentDispatchClient(LIVEKIT_URL, KEY, SECRET);

const ending = [];
afterEach(async () => { for (const end of ending.splice(0).reverse()) await end(); });
after(() => dispose());

const name = () => `node-api-${randomUUID().slice(0, 8)}`;

async function enter(identity, room, url = LIVEKIT_URL) {
  const token = new AccessToken(KEY, SECRET, { identity });
  token.addGrant({ room, roomJoin: true });
  const peer = new Room();
  ending.push(() => peer.disconnect());
  await peer.connect(url, await token.toJwt());
  return peer;
}

// The arguments of the first event of that name that `check` takes.
function seen(peer, event, check = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within ${PATIENCE} ms: ${event}`)), PATIENCE);
    peer.on(event, (...args) => {
      if (!check(...args)) return;
      clearTimeout(timer);
      resolve(args);
    });
  });
}

test('a room is created, changed, listed and deleted', async () => {
  const room = name();

  const made = await backend.createRoom({ name: room, emptyTimeout: 60, maxParticipants: 7, metadata: 'm' });
  const changed = await backend.updateRoomMetadata(room, 'n');
  const listed = await backend.listRooms([room]);
  await backend.deleteRoom(room);

  assert.deepEqual([made.name, made.emptyTimeout, made.maxParticipants, made.metadata], [room, 60, 7, 'm']);
  assert.equal(changed.metadata, 'n');
  assert.deepEqual(listed.map((one) => [one.sid, one.creationTime > 0n]), [[made.sid, true]]);
  assert.deepEqual(await backend.listRooms([room]), []);
});

test('participants are listed, changed, sent data and removed', async () => {
  const room = name();
  const alice = await enter('alice', room);
  const renamed = seen(alice, RoomEvent.ParticipantNameChanged);
  const received = seen(alice, RoomEvent.DataReceived);
  const gone = seen(alice, RoomEvent.Disconnected);

  const listed = await backend.listParticipants(room);
  const changed = await backend.updateParticipant(room, 'alice', { name: 'Alice', attributes: { seat: '4' } });
  await renamed;
  await backend.sendData(room, new TextEncoder().encode('news'), DataPacket_Kind.RELIABLE, { topic: 't', destinationIdentities: ['alice'] });
  const [payload, from, , topic] = await received;
  const got = await backend.getParticipant(room, 'alice');
  await backend.removeParticipant(room, 'alice');
  await gone;

  assert.deepEqual(listed.map((one) => one.identity), ['alice']);
  assert.equal(changed.name, 'Alice');
  assert.deepEqual(got.attributes, { seat: '4' });
  assert.deepEqual([new TextDecoder().decode(payload), from, topic], ['news', undefined, 't']);
  await assert.rejects(backend.getParticipant(room, 'alice'), (error) => error.status === 404 && error.code === 'not_found');
  // Tokens of this SDK say nothing of when they were made; one that ends later is a new one.
  await assert.doesNotReject(async () => {
    const token = new AccessToken(KEY, SECRET, { identity: 'alice', ttl: '12h' });
    token.addGrant({ room, roomJoin: true });
    const peer = new Room();
    ending.push(() => peer.disconnect());
    await peer.connect(LIVEKIT_URL, await token.toJwt());
  });
});

test('an agent is called into a room, and back', async () => {
  const room = name();

  const made = await agents.createDispatch(room, 'nobody', { metadata: 'm' });
  const listed = await agents.listDispatch(room);
  await agents.deleteDispatch(made.id, room);
  const left = await agents.listDispatch(room);

  assert.deepEqual([made.agentName, made.room, made.metadata], ['nobody', room, 'm']);
  assert.ok(listed.some((one) => one.id === made.id));
  assert.ok(!left.some((one) => one.id === made.id));
});

// The program under test; none if the suite runs against another server.
function binary() {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const built = ['release', 'debug'].map((profile) => join(root, 'target', profile, 'clapt')).filter((path) => existsSync(path));
  return CLAPT_BINARY ?? built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

test('webhooks pass the receiver', { skip: !binary() && 'there is no clapt to start' }, async () => {
  const receiver = new WebhookReceiver('devkey', 'secret');
  const events = [];
  const finished = Promise.withResolvers();
  const desk = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    try {
      const event = await receiver.receive(body, request.headers.authorization);
      events.push([event.event, event.room?.name]);
      response.end();
      if (event.event === 'room_finished') finished.resolve();
    } catch (error) {
      finished.reject(error);
    }
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  ending.push(() => desk.close());
  const data = mkdtempSync(join(tmpdir(), 'clapt-'));
  const server = spawn(binary(), ['serve', '--dev', '--port', '0', '--data', data], {
    env: {
      ...process.env,
      CLAPT_RTC__UDP_PORT: '0',
      CLAPT_WEBHOOK__API_KEY: 'devkey',
      CLAPT_WEBHOOK__URLS: `['http://127.0.0.1:${desk.address().port}/']`,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  ending.push(async () => { server.kill(); await once(server, 'exit'); rmSync(data, { recursive: true }); });
  const [line] = await once(createInterface(server.stdout), 'line');
  const own = new RoomServiceClient(line.slice(line.indexOf('http')), 'devkey', 'secret');

  await own.createRoom({ name: 'yoga' });
  await own.deleteRoom('yoga');
  await finished.promise;

  assert.deepEqual(events, [['room_started', 'yoga'], ['room_finished', 'yoga']]);
});
