// LiveKit's server SDK for JavaScript: dispatches of agents, and the receiver of webhooks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AgentDispatchClient, RoomServiceClient, WebhookReceiver } from 'livekit-server-sdk';

const { LIVEKIT_URL, LIVEKIT_API_KEY: KEY, LIVEKIT_API_SECRET: SECRET, CLAPT_BINARY } = process.env;
const agents = new AgentDispatchClient(LIVEKIT_URL, KEY, SECRET);

const ending = [];
afterEach(async () => { for (const end of ending.splice(0).reverse()) await end(); });

const name = () => `node-api-${randomUUID().slice(0, 8)}`;

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
  const finished = {};
  const ended = new Promise((resolve, reject) => Object.assign(finished, { resolve, reject }));
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
  await ended;

  assert.deepEqual(events, [['room_started', 'yoga'], ['room_finished', 'yoga']]);
});
