// Accounts in our own web client, as people use them: the server is set up, somebody registers, a second factor, a block.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { http, until } from './lib/harness.mjs';
import { accessible, clean, id, open, openBeside, shoot as shootIn, useBrowser } from './lib/pages.mjs';

const SIZES = [[390, 844], [1280, 800]];
const PASSWORD = 'seven quiet otters swim';
useBrowser();

const shoot = (page, name) => shootIn(page, name, SIZES);

// A picture and a search by axe.
async function look(page, name) {
  await accessible(page, name);
  await shoot(page, name);
}

const someone = (name) => ({ name, email: `${name.toLowerCase()}-${randomUUID().slice(0, 8)}@example.org`, password: PASSWORD });
const password = (page) => page.locator('input[name=password]');

// The code that an authenticator shows now (RFC 6238): HMAC-SHA-1 of the half minute, six digits.
function totp(secret, time = Date.now()) {
  const bits = [...secret.replaceAll(/[\s=]/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// The first link to `path` in the newest mail to `email`.
async function linkFromMail(page, email, path) {
  await page.goto(`${http}/dev`);
  const mail = id(page, 'mail').filter({ hasText: email }).first();
  await mail.waitFor();
  if (!(await mail.getAttribute('open').then((open) => open !== null))) await mail.locator('summary').click();
  return mail.locator(`a[href*="${path}?token="]`).first();
}

async function signUp(page, person) {
  await page.goto(`${http}/signup`);
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('E-mail').fill(person.email);
  await password(page).fill(person.password);
  await id(page, 'signup-submit').click();
  await id(page, 'mailbox').waitFor();
}

async function register(page, person) {
  await signUp(page, person);
  await (await linkFromMail(page, person.email, '/verify')).click();
  await id(page, 'verify-continue').click();
  await id(page, 'account-menu').waitFor();
}

async function fillSignIn(page, person) {
  await page.getByLabel('E-mail').fill(person.email);
  await password(page).fill(person.password);
  await id(page, 'signin-submit').click();
}

async function signOut(page) {
  await id(page, 'account-menu').click();
  await id(page, 'sign-out').click();
  await id(page, 'to-signin').waitFor();
}

const owner = someone('Olga');

test('the link from the log sets the server up, once', { timeout: 120_000 }, async () => {
  const log = await readFile(process.env.SERVER_LOG, 'utf8');
  const link = /\/setup\?token=[\w.~-]+/.exec(log)?.[0];
  assert.ok(link, 'the log names no set-up link');
  const page = await open('/', { timeZone: 'Europe/Madrid' });
  await page.getByText('not set up yet').waitFor();
  await look(page, 'welcome');

  await page.goto(http + link);
  await id(page, 'setup-submit').click();
  await page.getByText('Enter a name').waitFor();
  await look(page, 'setup-errors');
  await page.getByLabel('Name').fill(owner.name);
  await page.getByLabel('E-mail').fill(owner.email);
  await password(page).fill(owner.password);
  await id(page, 'setup-submit').click();
  await page.getByText('Step 2 of 2').waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Time zone' }).inputValue(), 'Europe/Madrid');
  await look(page, 'setup-place');
  await id(page, 'setup-submit').click();
  await id(page, 'account-menu').waitFor();
  await look(page, 'home');

  await page.goto(http + link);
  await id(page, 'setup-done').waitFor();
  clean(page);
});

test('somebody registers, stays signed in, turns a second factor on and signs in with it', { timeout: 180_000 }, async () => {
  const ana = someone('Ana');
  const page = await open('/signup');
  await id(page, 'signup-submit').click();
  await page.getByText('Enter a name').waitFor();
  await look(page, 'signup-errors');
  await signUp(page, ana);
  await look(page, 'mailbox');
  const link = await linkFromMail(page, ana.email, '/verify');
  await look(page, 'dev');
  await link.click();
  await id(page, 'verify-continue').waitFor();
  await look(page, 'verified');
  await id(page, 'verify-continue').click();
  await id(page, 'account-menu').waitFor();

  await page.reload();
  await id(page, 'account-menu').waitFor();
  await page.goto(`${http}/settings/security`);
  await page.getByText('This browser').waitFor();
  await look(page, 'settings-security');

  await id(page, 'two-factor').click();
  const secret = await id(page, 'totp-secret').textContent();
  await look(page, 'two-factor');
  await page.locator('input[name=code]').fill('000000');
  await id(page, 'two-factor-confirm').click();
  await page.getByText('This code is not right').waitFor();
  await page.locator('input[name=code]').fill(totp(secret));
  await id(page, 'two-factor-confirm').click();
  await id(page, 'recovery-codes').waitFor();
  await look(page, 'recovery-codes');
  const recovery = await id(page, 'recovery-codes').locator('code').allTextContents();
  assert.equal(new Set(recovery).size, 10);
  await id(page, 'codes-kept').click();
  await signOut(page);

  await page.goto(`${http}/settings/privacy`);
  await id(page, 'signin-form').waitFor();
  await fillSignIn(page, { ...ana, password: 'not the password at all' });
  await page.getByText('E-mail and password do not match').waitFor();
  assert.equal(await page.getByLabel('E-mail').inputValue(), ana.email);
  await look(page, 'signin-refused');
  await fillSignIn(page, ana);
  await page.locator('input[name=code]').waitFor();
  await look(page, 'signin-code');
  await page.locator('input[name=code]').fill(recovery[0]);
  await id(page, 'signin-submit').click();
  // Back where they wanted to go.
  await id(page, 'read-receipts').waitFor();
  await look(page, 'settings-privacy');
  clean(page);
});

test('a password that was forgotten is set anew, and ends what was signed in', { timeout: 120_000 }, async () => {
  const ben = someone('Ben');
  const [page, other] = await Promise.all([open('/'), open('/')]);
  await register(page, ben);

  await other.goto(`${http}/forgot`);
  await look(other, 'forgot');
  await other.getByLabel('E-mail').fill(ben.email);
  await id(other, 'forgot-submit').click();
  await id(other, 'mailbox').waitFor();
  await (await linkFromMail(other, ben.email, '/reset')).click();
  await id(other, 'reset-form').waitFor();
  await look(other, 'reset');
  await password(other).fill('eight quiet otters swim');
  await id(other, 'reset-submit').click();
  await id(other, 'signin-form').waitFor();
  await fillSignIn(other, { ...ben, password: 'eight quiet otters swim' });
  await id(other, 'account-menu').waitFor();

  await page.reload();
  await id(page, 'to-signin').waitFor();
  clean(page, other);
});

test('too many tries are told how long to wait, and what was typed stays', { timeout: 90_000 }, async () => {
  const nobody = someone('Nobody');
  const page = await open('/signin');
  await page.getByLabel('E-mail').fill(nobody.email);
  await password(page).fill(nobody.password);
  const statuses = [];
  while (statuses.length < 6) {
    const answer = page.waitForResponse((response) => response.url().endsWith('/api/v1/auth/login'));
    await id(page, 'signin-submit').click();
    statuses.push((await answer).status());
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
  await id(page, 'form-wait').getByText(/Try again in \d+ second/).waitFor();
  assert.equal(await page.getByLabel('E-mail').inputValue(), nobody.email);
  assert.equal(await password(page).inputValue(), nobody.password);
  await look(page, 'signin-wait');
  clean(page);
});

test('the client was made for the API that this server describes', async () => {
  const described = await (await fetch(`${http}/api/openapi.json`)).json();
  const known = JSON.parse(await readFile(new URL('../../web/src/api/openapi.json', import.meta.url), 'utf8'));
  assert.deepEqual(described, known, 'save the document in web/src/api/openapi.json and run `npm run api` in web/');
});

test('an administrator finds a person and blocks them, who is out at once and is told why', { timeout: 120_000 }, async () => {
  const carl = someone('Carl');
  const [admin, page] = await Promise.all([open('/signin'), open('/')]);
  await Promise.all([fillSignIn(admin, owner).then(() => id(admin, 'account-menu').waitFor()), register(page, carl)]);

  await admin.goto(`${http}/admin/people`);
  await id(admin, 'person').first().waitFor();
  await look(admin, 'people');
  await id(admin, 'people-search').fill('carl');
  const row = id(admin, 'person').filter({ hasText: carl.email });
  await row.waitFor();
  await until(admin, () => document.querySelectorAll('[data-testid=person]').length === 1);
  await row.getByTestId('person-actions').click();
  await row.getByTestId('block').click();
  await id(admin, 'block-reason').fill('Spam');
  await look(admin, 'people-block');
  await id(admin, 'confirm').click();
  await row.getByText('Blocked').waitFor();

  await page.goto(`${http}/settings/security`);
  await id(page, 'signin-form').waitFor();
  await fillSignIn(page, carl);
  await page.getByText('This account is blocked').waitFor();
  await look(page, 'signin-blocked');

  await row.getByTestId('person-actions').click();
  await row.getByTestId('unblock').click();
  await row.getByText('Blocked').waitFor({ state: 'detached' });
  await id(page, 'signin-submit').click();
  await page.getByText('Where you are signed in').waitFor();
  await page.goto(`${http}/admin/people`);
  await page.getByText('There is no such page').waitFor();
  clean(admin, page);
});

test('settings are kept, in every tab one signs out in all of them, and the palette leads anywhere', { timeout: 120_000 }, async () => {
  const dora = someone('Dora');
  const page = await open('/');
  await register(page, dora);
  await page.keyboard.press('Control+k');
  await id(page, 'palette-input').fill('profile');
  await look(page, 'palette');
  await page.keyboard.press('Enter');
  await id(page, 'profile-form').waitFor();
  await page.getByLabel('About you').fill('I teach yoga.');
  await look(page, 'settings-profile');
  await id(page, 'profile-submit').click();
  await id(page, 'toast').filter({ hasText: 'Saved' }).waitFor();
  await page.reload();
  await id(page, 'profile-form').waitFor();
  assert.equal(await page.getByLabel('About you').inputValue(), 'I teach yoga.');
  await page.goto(`${http}/settings/language`);
  await id(page, 'language-form').waitFor();
  await look(page, 'settings-language');

  const tab = await openBeside(page, '/settings/privacy');
  await id(tab, 'read-receipts').waitFor();
  await signOut(page);
  await id(tab, 'to-signin').waitFor();
  clean(page, tab);
});

test('somebody who is signed in joins a room under their own name', { timeout: 90_000 }, async () => {
  const eva = someone('Eva');
  const page = await open('/');
  await register(page, eva);
  await page.goto(`${http}/room/yoga-${randomUUID().slice(0, 6)}`);
  await page.getByText('Joining as Eva').waitFor();
  await id(page, 'preview-join').click();
  await page.locator('[data-testid=tile]').first().waitFor();
  await page.locator('[data-testid=tile]').getByText('Eva').first().waitFor();
  clean(page);
});

test('without a network there is a page that says so, and goes on by itself', { timeout: 60_000 }, async () => {
  const page = await open('/');
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.context().setOffline(true);
  await page.reload();
  await page.getByText('The server is out of reach').waitFor();
  await look(page, 'offline');

  await page.context().setOffline(false);
  await id(page, 'to-signin').waitFor();
  clean(page);
});
