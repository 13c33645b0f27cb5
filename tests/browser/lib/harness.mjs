// Pages with livekit-client in Chromium or Firefox, one participant each.

import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const server = { url: env('LIVEKIT_URL'), key: env('LIVEKIT_API_KEY'), secret: env('LIVEKIT_API_SECRET') };
export const http = server.url.replace(/^ws/, 'http');

const package_ = (client) => `../node_modules/${client}/`;

// What the site serves below the name of a livekit-client package.
const FILES = {
  '': () => ['page.html', 'text/html'],
  'page.js': () => ['page.js', 'text/javascript'],
  'livekit-client.js': (client) => [`${package_(client)}dist/livekit-client.umd.js`, 'text/javascript'],
};

export const clientVersion = async (client) => JSON.parse(await readFile(here(`${package_(client)}package.json`))).version;

// A page without livekit-client.
const PLAIN_FILES = { '': ['plain.html', 'text/html'], 'plain.js': ['plain.js', 'text/javascript'] };

function here(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

function env(name) {
  if (!process.env[name]) throw new Error(`${name} is not set: start by run.sh`);
  return process.env[name];
}

// An access token; `grants` are fields of the video grant.
export function token(identity, room, { name = identity, ttl = 600, ...grants } = {}) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: server.key, sub: identity, name, nbf: now - 5, exp: now + ttl, video: { room, roomJoin: true, canUpdateOwnMetadata: true, ...grants } };
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${body}.${createHmac('sha256', server.secret).update(body).digest('base64url')}`;
}

export const roomName = (title) => `${title}-${randomUUID().slice(0, 6)}`;

export function launch(args = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream',
      '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
      '--autoplay-policy=no-user-gesture-required', '--auto-accept-this-tab-capture', '--disable-features=WebRtcHideLocalIpsWithMdns',
      ...args,
    ],
  });
}

// Serves the test page on a free port of the loopback.
export async function servePage() {
  const site = createServer(async (request, response) => {
    const [, client, name] = /^\/(livekit-client[-.\d]*|plain)\/([-.\w]*)$/.exec(request.url) ?? [];
    const [file, type] = (client === 'plain' ? PLAIN_FILES[name] : FILES[name]?.(client)) ?? [];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': type }).end(await readFile(here(file)));
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return { url: `http://127.0.0.1:${site.address().port}/`, close: () => site.close() };
}

// A browser with the test page's server; `peer()` opens a page and joins a room.
export class Stage {
  static async open(browser = launch()) {
    const stage = new Stage();
    [stage.browser, stage.site] = await Promise.all([browser, servePage()]);
    return stage;
  }

  pages = [];

  async page(path) {
    const context = await this.browser.newContext({ viewport: { width: 800, height: 600 } });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    this.pages.push(page);
    await page.goto(`${this.site.url}${path}/`);
    return page;
  }

  // A page that speaks WHIP and WHEP by itself.
  plain() {
    return this.page('plain');
  }

  async peer(identity, room, { client = 'livekit-client', single = true, grants, ...options } = {}) {
    const page = await this.page(client);
    const join = { url: server.url, token: token(identity, room, grants), single, ...options };
    page.sid = await page.evaluate((join) => peer.join(join), join);
    return page;
  }

  // Ends every page, so that one test leaves nothing to the next.
  async clear() {
    await Promise.all(this.pages.splice(0).map((page) => page.context().close()));
  }

  async close() {
    await this.clear();
    await this.browser.close();
    this.site.close();
  }
}

export const sees = (page, identity, wanted = {}) => page.evaluate(([identity, wanted]) => peer.sees(identity, wanted), [identity, wanted]);
// The value of a metric of the server, summed up over its labels.
export async function metric(name) {
  const text = await (await fetch(`${http}/metrics`)).text();
  const values = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

// Asks for a metric until it has a value.
export async function untilMetric(name, wanted, seconds) {
  const end = Date.now() + seconds * 1000;
  for (let found; ; await new Promise((done) => setTimeout(done, 200))) {
    found = await metric(name);
    if (found === wanted) return;
    if (Date.now() > end) throw new Error(`${name} is ${found}, not ${wanted}, after ${seconds} s`);
  }
}

export const rate = (page, identity, wanted) => page.evaluate((args) => peer.rate(...args), [identity, wanted]);

// Asks the page until the answer is true. Playwright's own waitForFunction takes the promise of an async check for true.
export async function until(page, check, argument, timeout = 10_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await page.evaluate(check, argument);
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
