// Pages of our own web client: opened, photographed into shots/ and searched by axe. One browser for each test file.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { http, launch } from './harness.mjs';

const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const contexts = [];
const findings = [];
let browser;

// Starts the browser before the tests of a file and closes what each of them opened.
export function useBrowser() {
  before(async () => {
    await mkdir(SHOTS, { recursive: true });
    browser = await launch();
  });
  afterEach(() => findings.splice(0) && Promise.all(contexts.splice(0).map((context) => context.close())));
  after(() => browser.close());
}

export const id = (page, name) => page.getByTestId(name);

// A page of a person of its own: cookies and storage are shared with nobody.
export async function open(path = '/', { size = [1280, 800], scheme = 'dark', init, at = http, touch = false, timeZone } = {}) {
  const context = await browser.newContext({
    viewport: { width: size[0], height: size[1] }, colorScheme: scheme, locale: 'en-GB', reducedMotion: 'reduce', hasTouch: touch,
    permissions: ['camera', 'microphone'], bypassCSP: true, ...(timeZone ? { timezoneId: timeZone } : {}),
  });
  contexts.push(context);
  const page = await watched(context);
  if (init) await page.addInitScript(init);
  await page.goto(at + path);
  return page;
}

// Another tab of the same person.
export async function openBeside(page, path) {
  const tab = await watched(page.context());
  await tab.goto(http + path);
  return tab;
}

async function watched(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  return page;
}

// One picture in each size, in both colour schemes; leaves the page as it was.
export async function shoot(page, name, sizes) {
  const before = page.viewportSize();
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SHOTS}${name}-${width}-${colorScheme}.png` });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${name} at ${width} px is ${overflow} px too wide`);
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'dark' });
}

// Notes whatever axe finds, in both colour schemes; `clean` fails on it at the end of a test.
export async function accessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const lines = found.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join('; ')}`);
    findings.push(...lines.map((line) => `${what}, ${colorScheme}: ${line}`));
  }
}

// Fails if axe found something or a page threw.
export function clean(...pages) {
  assert.deepEqual([...findings.splice(0), ...pages.flatMap((page) => page.faults)], []);
}
