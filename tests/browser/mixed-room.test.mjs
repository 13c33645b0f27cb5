// Two Chromiums and the Python SDK in one room.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { roomName, sees, Stage } from './lib/harness.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const stages = [];
before(async () => { stages.push(...(await Promise.all([Stage.open(), Stage.open()]))); });
afterEach(() => Promise.all(stages.map((stage) => stage.clear())));
after(() => Promise.all(stages.map((stage) => stage.close())));

for (const single of [true, false]) {
  test(`a Chromium, another and the Python SDK see each other, ${single ? 'single' : 'dual'} mode`, async () => {
    const room = roomName('mixed');
    const python = spawn(here('../../.venv/bin/python'), [here('../python/mixed_peer.py'), room, single ? 'single' : 'dual', 'alice', 'bob'], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const said = [];
      createInterface({ input: python.stdout }).on('line', (line) => said.push(line));
      const [alice, bob] = await Promise.all([stages[0].peer('alice', room, { single }), stages[1].peer('bob', room, { single: !single })]);
      await Promise.all([alice, bob].map((page) => page.evaluate(() => peer.publishCamera({}))));

      await Promise.all([
        sees(alice, 'python', { frames: 30, seconds: 20 }), sees(bob, 'python', { frames: 30, seconds: 20 }),
        sees(alice, 'bob', { frames: 30, seconds: 20 }), sees(bob, 'alice', { frames: 30, seconds: 20 }),
      ]);
      python.stdin.end('wait\n');
      const [code] = await once(python, 'exit', { signal: AbortSignal.timeout(30_000) });
      assert.equal(code, 0, said.join('\n'));
      assert.ok(said.includes('seen alice') && said.includes('seen bob'), said.join('\n'));
    } finally {
      python.kill();
    }
  });
}
