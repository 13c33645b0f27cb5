/** Languages that the client speaks, the first one is the fallback. */
export const locales = ['en', 'de'] as const;
export type Locale = (typeof locales)[number];

const storageKey = 'clapt.locale';

/** The first of the browser's languages that we speak, else English. */
export function pickLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0];
    const match = locales.find((locale) => locale === language);
    if (match) return match;
  }
  return 'en';
}

/** The one to change to. */
export const otherLocale = (locale: Locale): Locale => (locale === 'en' ? 'de' : 'en');

/** The language with the browser's region, which decides how times and numbers are written. */
export const regionOf = (locale: Locale, wanted: readonly string[]): string =>
  wanted.find((tag) => tag.toLowerCase().split('-')[0] === locale) ?? locale;

/** What the person chose before, else what the browser asks for. */
export function initialLocale(): Locale {
  const stored = localStorage.getItem(storageKey);
  return pickLocale(stored ? [stored] : navigator.languages);
}

export function rememberLocale(locale: Locale): void {
  localStorage.setItem(storageKey, locale);
}
