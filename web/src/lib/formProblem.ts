/** What a form says about an answer of the server: beside a field, or above the form. */
import type { Problem } from '../api/problem';
import type { MessageId } from '../i18n/en';

/** Codes that have a text of their own. */
const codes = [
  'credentials-invalid',
  'code-invalid',
  'email-unverified',
  'account-blocked',
  'link-invalid',
  'registration-closed',
  'conflict',
  'already-set-up',
  'too-many-requests',
  'precondition-failed',
  'permission-denied',
  'not-found',
  'unreachable',
  'unavailable',
] as const;

type KnownCode = (typeof codes)[number];

/** Other names that the server has for the same. */
const aliases: Record<string, KnownCode> = {
  'resource-exhausted': 'too-many-requests',
  'precondition-required': 'precondition-failed',
};

/** What can be wrong with a field, by the server's code for it, in the reader's language. */
const fieldMessages: Record<string, MessageId> = {
  required: 'field.required',
  'email-invalid': 'field.email.invalid',
  'too-short': 'field.password.invalid',
  'too-long': 'field.tooLong',
  personal: 'field.password.personal',
  common: 'field.password.common',
  characters: 'field.characters',
  'country-invalid': 'field.country.invalid',
  'time-zone-invalid': 'field.timeZone.invalid',
};

/** Where a code belongs that is about one field, by the name of the field in the form. */
const fieldOfCode: Record<string, string> = { 'code-invalid': 'code' };

export interface FormProblem {
  /** Above the form; undefined if all is said beside the fields. */
  message: MessageId | undefined;
  /** Beside the fields: a text of ours, or the server's own words. */
  fields: Record<string, { id: MessageId } | { text: string }>;
  /** Seconds until trying again makes sense. */
  wait: number | undefined;
  supportCode: string | undefined;
}

const known = (code: string): KnownCode | undefined => codes.find((one) => one === code) ?? aliases[code];

function messageOf(problem: Problem): MessageId {
  const code = known(problem.code);
  if (code !== undefined) return `problem.${code}`;
  if (problem.status === 429) return 'problem.too-many-requests';
  return problem.status === 0 || problem.status >= 500 ? 'problem.unavailable' : 'problem.unknown';
}

/** Sorts a problem onto the fields that the form has; what has no place there is said above it. */
export function formProblem(problem: Problem, formFields: readonly string[]): FormProblem {
  const fields: FormProblem['fields'] = {};
  for (const { field, code, message } of problem.fields) {
    if (!formFields.includes(field)) continue;
    const id = fieldMessages[code];
    fields[field] = id === undefined ? { text: message } : { id };
  }
  const field = fieldOfCode[problem.code];
  if (field !== undefined && formFields.includes(field)) fields[field] = { id: messageOf(problem) };
  const isSaid = Object.keys(fields).length > 0;
  return {
    message: isSaid ? undefined : messageOf(problem),
    fields,
    wait: problem.status === 429 ? (problem.retryAfter ?? 60) : undefined,
    supportCode: messageOf(problem) === 'problem.unknown' ? problem.requestId : undefined,
  };
}
