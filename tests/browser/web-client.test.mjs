// Our own web client, as two people use it. Pictures of every screen go to shots/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http, roomName, token, until } from './lib/harness.mjs';
import { openLine } from './lib/line.mjs';
import { accessible, clean, id, open as openPage, shoot as shootIn, useBrowser } from './lib/pages.mjs';

const FPS_MIN = 15;
const SIZES = [[390, 844], [1280, 800], [1920, 1080]];
useBrowser();

// Rooms are joined by name on the page of development mode.
const open = (path = '/dev', options) => openPage(path, options);
const shoot = (page, name, sizes = SIZES) => shootIn(page, name, sizes);
const tile = (page, { mine = false, source = 'camera' } = {}) =>
  page.locator(`[data-testid=tile][data-source=${source}]${mine ? `[data-identity="${page.identity}"]` : `:not([data-identity="${page.identity}"])`}`);

// From the first page to the device check.
async function toCheck(page, name, room) {
  await id(page, 'join-name').fill(name);
  await id(page, 'join-room').fill(room);
  await id(page, 'join-submit').click();
  await id(page, 'preview-join').waitFor();
  await playing(page, 'video');
}

async function enter(page) {
  const grant = page.waitForResponse((response) => response.url().endsWith('/api/v1/dev/join'));
  await id(page, 'preview-join').click();
  page.identity = (await (await grant).json()).identity;
  await tile(page, { mine: true }).waitFor();
}

async function join(page, name, room) {
  await toCheck(page, name, room);
  await enter(page);
}

// Waits until a video inside `selector` shows pictures.
const playing = (page, selector) =>
  until(page, (selector) => [...document.querySelectorAll(selector)].some((v) => v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 3), selector, 15_000);

// Pictures per second that a tile shows: the first second and a half at `FPS_MIN` or more, or the best of ten seconds.
async function pictureRate(locator) {
  return locator.locator('video').evaluate(async (video, wanted) => {
    const end = performance.now() + 10_000;
    let best = 0;
    while (best < wanted && performance.now() < end) {
      const [first, start] = [video.getVideoPlaybackQuality().totalVideoFrames, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1500));
      best = Math.max(best, ((video.getVideoPlaybackQuality().totalVideoFrames - first) * 1000) / (performance.now() - start));
    }
    return best;
  }, FPS_MIN);
}

test('two people meet: join, device check, grid, speaker view, chat, mute, share, leave', { timeout: 150_000 }, async (t) => {
  const room = roomName('yoga');
  const [alice, bob] = await Promise.all([open('/dev', { scheme: 'dark' }), open('/dev', { scheme: 'light' })]);

  await id(alice, 'join-name').waitFor();
  await accessible(alice, 'join page');
  await shoot(alice, 'join');
  await toCheck(alice, 'Alice Example', room);
  await accessible(alice, 'device check');
  await shoot(alice, 'check');
  await Promise.all([enter(alice), join(bob, 'Bob Example', room)]);

  await Promise.all([tile(alice).locator('video').waitFor(), tile(bob).locator('video').waitFor()]);
  await Promise.all([alice, bob].map((page) => playing(page, `[data-testid=tile]:not([data-identity="${page.identity}"]) video`)));
  const rates = await Promise.all([pictureRate(tile(alice)), pictureRate(tile(bob))]);
  t.diagnostic(`pictures per second: ${rates.map((r) => r.toFixed(1)).join(', ')}`);
  assert.ok(Math.min(...rates) >= FPS_MIN, `${rates}`);
  assert.equal(await tile(alice).count(), 1);
  assert.equal(await tile(alice).getByText('Bob Example').count(), 1);
  await accessible(alice, 'grid');
  await shoot(alice, 'grid');

  // Chromium's fake microphone beeps once a second.
  await until(bob, (me) => document.querySelector(`[data-testid=tile]:not([data-identity="${me}"])[data-speaking=true]`) !== null, bob.identity);

  await id(alice, 'layout-speaker').click();
  await until(alice, () => document.querySelector('[data-testid=layout-speaker]').ariaPressed === 'true');
  await tile(alice).locator('video').first().waitFor();
  await accessible(alice, 'speaker view');
  await shoot(alice, 'speaker');
  await id(alice, 'layout-grid').click();

  await Promise.all([id(alice, 'toggle-chat').click(), id(bob, 'toggle-chat').click()]);
  await say(alice, 'Hello Bob <b>not bold</b>');
  await id(bob, 'chat-message').filter({ hasText: 'Hello Bob <b>not bold</b>' }).waitFor();
  await say(bob, 'Hello Alice');
  await id(alice, 'chat-message').filter({ hasText: 'Hello Alice' }).waitFor();
  await accessible(alice, 'chat');
  await shoot(alice, 'chat');
  await id(alice, 'toggle-people').click();
  await alice.getByRole('tabpanel').getByText('Bob Example').waitFor();
  await accessible(alice, 'people');
  await shoot(alice, 'people', [[1280, 800]]);
  await id(alice, 'toggle-people').click();

  await id(alice, 'toggle-mic').click();
  await tile(bob).getByText('muted', { exact: false }).waitFor({ state: 'attached' });
  await alice.keyboard.press('m');
  await tile(bob).getByText('muted', { exact: false }).waitFor({ state: 'detached' });
  await id(alice, 'toggle-camera').click();
  await tile(bob).locator('video').waitFor({ state: 'detached' });
  await id(alice, 'toggle-camera').click();
  await playing(bob, `[data-testid=tile]:not([data-identity="${bob.identity}"]) video`);

  await id(bob, 'toggle-chat').click();
  await id(alice, 'toggle-share').click();
  await playing(bob, '[data-testid=share-stage] video');
  await accessible(bob, 'screen share');
  await shoot(bob, 'share');
  await id(alice, 'toggle-share').click();
  await id(bob, 'share-stage').waitFor({ state: 'detached' });

  await id(alice, 'leave').click();
  await id(alice, 'after-call').waitFor();
  await accessible(alice, 'after the call');
  await shoot(alice, 'after', [[1280, 800]]);
  await tile(bob).waitFor({ state: 'detached' });
  clean(alice, bob);
});

async function say(page, text) {
  await id(page, 'chat-input').fill(text);
  await id(page, 'chat-send').click();
}

// A finger that moves from the middle of `locator` by `dx` px.
async function swipe(page, locator, dx) {
  const box = await locator.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const devtools = await page.context().newCDPSession(page);
  const touch = (type, ...touchPoints) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', { x, y });
  for (const part of [0.3, 0.6, 1]) await touch('touchMove', { x: x + dx * part, y });
  await touch('touchEnd');
  await devtools.detach();
}

const layoutIs = (page, layout) =>
  until(page, (layout) => (document.querySelector('[data-stage]') ? 'speaker' : 'grid') === layout, layout);

test('on a phone a swipe changes between grid and speaker, and the own picture moves without one', { timeout: 90_000 }, async () => {
  const room = roomName('phone');
  const [phone, other] = await Promise.all([open('/dev', { size: [390, 844], touch: true }), open()]);
  await Promise.all([join(phone, 'Ana', room), join(other, 'Ben', room)]);
  await playing(phone, `[data-testid=tile]:not([data-identity="${phone.identity}"]) video`);
  const corner = () => id(phone, 'self-view').getAttribute('data-corner');
  await layoutIs(phone, 'grid');

  await swipe(phone, tile(phone), -150);
  await layoutIs(phone, 'grid');
  await swipe(phone, tile(phone), 150);
  await layoutIs(phone, 'speaker');
  assert.equal(await corner(), 'bottomRight');
  await swipe(phone, id(phone, 'self-view'), -200);
  await until(phone, () => document.querySelector('[data-testid=self-view]')?.dataset.corner === 'bottomLeft');
  await id(phone, 'self-view').getByRole('button').press('ArrowUp');
  assert.equal(await corner(), 'topLeft');
  await swipe(phone, tile(phone), -150);
  await layoutIs(phone, 'grid');
  clean(phone, other);
});

test('a line that breaks is announced, mended, and the pictures go on', { timeout: 90_000 }, async (t) => {
  const room = roomName('line');
  const line = await openLine(http);
  t.after(() => line.close());
  const [alice, bob] = await Promise.all([open(), open('/dev', { at: line.url })]);
  await Promise.all([join(alice, 'Alice', room), join(bob, 'Bob', room)]);
  const picture = `[data-testid=tile]:not([data-identity="${bob.identity}"]) video`;
  await playing(bob, picture);

  line.cut();
  await id(bob, 'reconnecting-banner').waitFor();
  await accessible(bob, 'reconnecting');
  await shoot(bob, 'reconnecting', [[390, 844], [1280, 800]]);
  line.mend();
  await id(bob, 'reconnecting-banner').waitFor({ state: 'detached', timeout: 30_000 });

  await until(bob, (picture) => {
    const video = document.querySelector(picture);
    const now = video?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
    if (video !== globalThis.watched) [globalThis.watched, globalThis.seen] = [video, now];
    return now > globalThis.seen + 20;
  }, picture, 15_000);
  clean(bob);
});

test('a server that is gone is explained, and coming back is one click', { timeout: 60_000 }, async (t) => {
  const line = await openLine(http);
  t.after(() => line.close());
  const page = await open('/dev', { at: line.url });
  await toCheck(page, 'Alice', roomName('gone'));

  line.cut();
  await id(page, 'preview-join').click();
  await page.locator('[data-testid=error-state][data-code=server-gone]').waitFor();
  await accessible(page, 'server gone');
  await shoot(page, 'error-server-gone');

  line.mend();
  await page.locator('main button').first().click();
  await enter(page);
  clean(page);
});

// What is wrong, the page, and what is done on it before the error shows.
const ERRORS = [
  ['token-invalid', 'a token that is none', { path: () => '/room/yoga?token=garbage' }],
  ['token-expired', 'a token of yesterday', { path: () => `/room/yoga?token=${token('late', 'yoga', { ttl: -86_400 })}` }],
  ['token-invalid', 'a token with another signature', { path: () => `/room/yoga?token=${forged()}`, join: true, name: 'forged' }],
  ['camera-denied', 'a camera that the browser denies', { path: () => '/room/yoga', init: () => denied('NotAllowedError') }],
  ['camera-missing', 'no camera', { path: () => '/room/yoga', init: () => denied('NotFoundError') }],
];

function forged() {
  const parts = token('mallory', 'yoga').split('.');
  return `${parts[0]}.${parts[1]}.${Buffer.alloc(32).toString('base64url')}`;
}

const denied = (name) => `navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', '${name}'); }`;

for (const [code, what, { path, init, join, name }] of ERRORS) {
  test(`${what} is explained`, { timeout: 45_000 }, async () => {
    const page = await open('/dev', { init: init?.() });
    await page.evaluate(() => localStorage.clear());
    await page.goto(http + path());
    if (join) {
      await id(page, 'preview-join').click();
    }

    await page.locator(`[data-testid=error-state][data-code=${code}]`).first().waitFor();
    await accessible(page, what);
    await shoot(page, `error-${name ?? code}`);
    clean(page);
  });
}
