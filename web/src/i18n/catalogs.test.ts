import { createIntl, createIntlCache } from 'react-intl';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../lib/errors';
import { de } from './de';
import { en, type MessageId } from './en';
import { pickLocale, regionOf } from './locale';

const ids = Object.keys(en) as MessageId[];
const placeholders = (message: string): string[] =>
  [...new Set([...message.matchAll(/\{\s*(\w+)\s*[,}]/g)].map((match) => match[1] ?? ''))].sort();

const values = {
  name: 'Ana', room: 'yoga', code: 'x', kind: 'Camera', number: 2, count: 3, page: 1, pages: 2, ms: 38,
  seconds: 3, minutes: 5, time: '1:05', duration: '5 minutes', quality: 'good', protocol: 'UDP',
  corner: 'topLeft', percent: 0.5, kbps: 900, text: 'hello', email: 'ana@example.org', browser: 'Firefox',
  system: 'Linux', query: 'an', total: 40, step: 1,
};

describe('message catalogs', () => {
  it('have the same keys', () => {
    expect(Object.keys(de).sort()).toEqual([...ids].sort());
  });

  it.each(ids)('%s formats in both languages with the same placeholders', (id) => {
    for (const [locale, messages] of [['en', en], ['de', de]] as const) {
      const errors: unknown[] = [];
      const intl = createIntl({ locale, messages, onError: (error) => errors.push(error) }, createIntlCache());
      const text = intl.formatMessage({ id }, values);
      expect(errors).toEqual([]);
      expect(text).not.toBe('');
      expect(text).not.toMatch(/[{}!]/);
    }
    expect(placeholders(de[id])).toEqual(placeholders(en[id]));
  });

  it('explain every error', () => {
    for (const code of errorCodes) {
      expect(ids).toContain(`error.${code}.title`);
      expect(ids).toContain(`error.${code}.text`);
    }
  });
});

describe('pickLocale', () => {
  it('takes the first language that we speak', () => {
    expect(pickLocale(['fr-FR', 'de-AT', 'en'])).toBe('de');
    expect(pickLocale(['fr'])).toBe('en');
    expect(pickLocale([])).toBe('en');
  });
});

describe('regionOf', () => {
  it('takes the region of the browser only within the same language', () => {
    expect(regionOf('en', ['de-CH', 'en-GB'])).toBe('en-GB');
    expect(regionOf('de', ['en-GB'])).toBe('de');
  });
});
