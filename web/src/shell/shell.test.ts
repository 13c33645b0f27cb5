import { describe, expect, it } from 'vitest';
import { deviceName } from '../lib/device';
import { checkEmail, checkNewPassword, wrongOnes } from '../lib/fields';
import { dayPart, nextSteps } from '../lib/nextSteps';
import { splitLinks, underSameName } from '../lib/links';
import { countries } from '../lib/countries';
import { dismissToast, readToasts, toast, toastsMax } from '../lib/toasts';
import type { User } from '../api/types';
import { safeWayBack } from '../lib/wayBack';
import { findCommands, type Command } from './commands';
import { navigationFor } from './navigation';

const command = (label: string, also?: string): Command => ({
  id: label,
  label,
  ...(also === undefined ? {} : { also }),
  run: () => undefined,
});
const commands = [command('Home'), command('Settings, security', 'password sessions'), command('Sign out'), command('Präferenzen')];
const found = (typed: string) => findCommands(commands, typed).map(({ id }) => id);

describe('the command palette', () => {
  it('shows everything, in its order, before anything is typed', () => {
    expect(found('  ')).toEqual(commands.map(({ id }) => id));
  });

  it('puts what begins with the word before what only contains it', () => {
    expect(findCommands([command('Design'), command('Sign out')], 'sign').map(({ id }) => id)).toEqual(['Sign out', 'Design']);
  });

  it('wants every word, in any order, and knows other words for the same', () => {
    expect(found('sec set')).toEqual(['Settings, security']);
    expect(found('password')).toEqual(['Settings, security']);
    expect(found('sec nothing')).toEqual([]);
  });

  it('does not insist on accents and capitals', () => {
    expect(found('PRAF')).toEqual(['Präferenzen']);
  });
});

describe('the navigation', () => {
  const to = (permissions: string[], devMode: boolean) => navigationFor(permissions, devMode).map((entry) => entry.to);

  it('shows only what the person may do and the server has', () => {
    expect(to([], false)).toEqual(['/', '/settings/profile']);
    expect(to(['users.read'], false)).toContain('/admin/people');
    expect(to([], true)).toContain('/dev');
  });
});

describe('the way back after signing in', () => {
  it.each([
    ['/settings/security?x=1#y', '/settings/security?x=1#y'],
    ['https://evil.example/', '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['', '/'],
    [undefined, '/'],
    ['/signin?back=/signin', '/'],
  ])('from %j leads to %j', (back, path) => {
    expect(safeWayBack(back)).toBe(path);
  });
});

describe('the checks of fields', () => {
  it('take addresses as they come and passwords by their length', () => {
    expect(checkEmail(' ana@münchen.example ')).toBeUndefined();
    expect(checkEmail('ana')).toBe('field.email.invalid');
    expect(checkNewPassword('short')).toBe('field.password.invalid');
    expect(checkNewPassword('ten letters')).toBeUndefined();
    expect(wrongOnes({ a: undefined, b: 'field.name.missing' })).toEqual({ b: 'field.name.missing' });
  });
});

describe('deviceName', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox', 'Linux', false],
    ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36', 'Chrome', 'Android', true],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15', 'Safari', 'Mac', false],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1', 'Safari', 'iPhone', true],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0', 'Edge', 'Windows', false],
    ['curl/8.9', undefined, undefined, false],
    ['', undefined, undefined, false],
  ])('reads %s', (userAgent, browser, system, isPhone) => {
    expect(deviceName(userAgent)).toEqual({ browser, system, isPhone });
  });
});

describe('the start', () => {
  const user = { about: '', two_factor: false, permissions: [] as string[] } as User;

  it('offers what is not done yet and is allowed', () => {
    expect(nextSteps(user, false)).toEqual(['twoFactor', 'about']);
    expect(nextSteps({ ...user, two_factor: true, about: 'Hi', permissions: ['users.read'] }, true)).toEqual(['people', 'room']);
  });

  it('greets by the hour', () => {
    expect([0, 4, 5, 11, 12, 17, 18, 23].map(dayPart)).toEqual([
      'evening', 'evening', 'morning', 'morning', 'afternoon', 'afternoon', 'evening', 'evening',
    ]);
  });
});

describe('splitLinks', () => {
  it('finds addresses, without what ends the sentence, and loses no character', () => {
    const text = 'Open http://a.example/x?token=1_2-3. Or (https://b.example).';
    const parts = splitLinks(text);

    expect(parts.flatMap(({ href }) => href ?? [])).toEqual(['http://a.example/x?token=1_2-3', 'https://b.example']);
    expect(parts.map((part) => part.text).join('')).toBe(text);
  });

  it.each(['', 'no link', 'javascript:alert(1)'])('leaves %j alone', (text) => {
    expect(splitLinks(text).some(({ href }) => href !== undefined)).toBe(false);
  });
});

describe('underSameName', () => {
  it.each([
    ['http://localhost:7880/verify?token=a#b', 'http://127.0.0.1:7880', 'http://127.0.0.1:7880/verify?token=a#b'],
    ['http://localhost:7880/x', 'http://127.0.0.1:9000', 'http://localhost:7880/x'],
    ['https://class.example/x', 'http://127.0.0.1', 'https://class.example/x'],
    ['http://localhost/x', 'https://class.example', 'http://localhost/x'],
  ])('%s, read at %s, leads to %s', (href, origin, expected) => {
    expect(underSameName(href, { origin })).toBe(expected);
  });
});

describe('countries', () => {
  it('are named in the language, once each, without those that are none', () => {
    const found = countries('de');

    expect(found).toContainEqual({ value: 'ES', label: 'Spanien' });
    expect(new Set(found.map(({ value }) => value)).size).toBe(found.length);
    expect(found.length).toBeGreaterThan(190);
    for (const code of ['EU', 'UN', 'ZZ', 'DD', 'SU']) expect(found.some(({ value }) => value === code)).toBe(false);
  });
});

describe('toasts', () => {
  it('are three at most, the oldest goes first', () => {
    for (const title of ['a', 'b', 'c', 'd']) toast({ kind: 'ok', title });
    expect(readToasts().map(({ title }) => title)).toEqual(['b', 'c', 'd']);
    expect(readToasts()).toHaveLength(toastsMax);

    const [first] = readToasts();
    if (first) dismissToast(first.id);

    expect(readToasts().map(({ title }) => title)).toEqual(['c', 'd']);
  });
});
