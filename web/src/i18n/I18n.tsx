import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { IntlProvider, useIntl } from 'react-intl';
import { de } from './de';
import { en, type MessageId } from './en';
import { initialLocale, otherLocale, regionOf, rememberLocale, type Locale } from './locale';

const catalogs: Record<Locale, Record<MessageId, string>> = { en, de };

type Values = Record<string, string | number>;

/** Formats one message in the current language. */
export type Translate = (id: MessageId, values?: Values) => string;

const LocaleContext = createContext<{ locale: Locale; other: Locale; setLocale: (locale: Locale) => void }>({
  locale: 'en',
  other: 'de',
  setLocale: () => undefined,
});

/** Gives texts to everything below it and keeps `<html lang>` in step. */
export function I18n({ children }: { children: ReactNode }) {
  const [locale, setState] = useState(initialLocale);
  const setLocale = useCallback((next: Locale) => {
    rememberLocale(next);
    setState(next);
  }, []);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const context = useMemo(() => ({ locale, other: otherLocale(locale), setLocale }), [locale, setLocale]);
  return (
    <LocaleContext value={context}>
      <IntlProvider locale={regionOf(locale, navigator.languages)} defaultLocale="en" messages={catalogs[locale]}>
        {children}
      </IntlProvider>
    </LocaleContext>
  );
}

export function useLocale() {
  return use(LocaleContext);
}

/** Gives the function that turns a message id into text. */
export function useText(): Translate {
  const intl = useIntl();
  return useCallback((id, values) => intl.formatMessage({ id }, values), [intl]);
}
