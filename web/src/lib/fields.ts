import type { MessageId } from '../i18n/en';

/** The server refuses shorter ones. */
export const passwordLengthMin = 10;

/** The longest texts that the server takes, in characters. */
export const lengthMax = { email: 254, name: 100, about: 2000, password: 128 } as const;

const emailPattern = /^[^\s@]+@[^\s@]+$/;

/** What is wrong with an address before it is sent; the mail itself is the real check. */
export const checkEmail = (email: string): MessageId | undefined =>
  emailPattern.test(email.trim()) ? undefined : 'field.email.invalid';

/** What is wrong with a new password. Length is what counts, by code point. */
export const checkNewPassword = (password: string): MessageId | undefined =>
  Array.from(password).length < passwordLengthMin ? 'field.password.invalid' : undefined;

export const checkName = (name: string): MessageId | undefined =>
  name.trim() === '' ? 'field.name.missing' : undefined;

/** An authenticator's code or a recovery code. */
export const checkCode = (code: string): MessageId | undefined => (code.trim() === '' ? 'field.code.missing' : undefined);

/** Leaves out the fields that are fine. */
export function wrongOnes<Field extends string>(checks: Record<Field, MessageId | undefined>): Partial<Record<Field, MessageId>> {
  const wrong = Object.entries<MessageId | undefined>(checks).filter(([, message]) => message !== undefined);
  return Object.fromEntries(wrong) as Partial<Record<Field, MessageId>>;
}

/** Time zone of the browser, by its IANA name. */
export const browserTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
