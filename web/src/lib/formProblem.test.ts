import { describe, expect, it } from 'vitest';
import { parseProblem, readRetryAfter } from '../api/problem';
import { formProblem } from './formProblem';

const problem = (status: number, code: string, errors?: unknown, retryAfter?: number) =>
  parseProblem(status, { code, errors, request_id: '7f3a' }, retryAfter);

describe('formProblem', () => {
  it('says beside a field what the server says about it, in our words where we have some', () => {
    const errors = [
      { field: 'email', code: 'email-invalid', message: 'This is no address.' },
      { field: 'nickname', code: 'a-code-of-tomorrow', message: 'It is taken.' },
    ];

    const said = formProblem(problem(422, 'unprocessable', errors), ['email', 'nickname']);

    expect(said.fields).toEqual({ email: { id: 'field.email.invalid' }, nickname: { text: 'It is taken.' } });
    expect(said.message).toBeUndefined();
  });

  it('says above the form what no field of it can show', () => {
    const errors = [{ field: 'locale', message: 'unknown' }];

    expect(formProblem(problem(422, 'unprocessable', errors), ['email']).message).toBe('problem.unknown');
  });

  it('never says which half of the credentials was wrong', () => {
    const said = formProblem(problem(401, 'credentials-invalid'), ['email', 'password']);

    expect(said).toMatchObject({ message: 'problem.credentials-invalid', fields: {} });
  });

  it('puts a wrong code beside the code', () => {
    expect(formProblem(problem(401, 'code-invalid'), ['code']).fields).toEqual({ code: { id: 'problem.code-invalid' } });
    expect(formProblem(problem(401, 'code-invalid'), ['email']).message).toBe('problem.code-invalid');
  });

  it.each([
    [429, 'too-many-requests', 12, 12],
    [429, 'resource-exhausted', undefined, 60],
    [429, 'something-new', 3, 3],
    [401, 'credentials-invalid', 3, undefined],
  ])('waits where %i %s comes with %j', (status, code, retryAfter, wait) => {
    const said = formProblem(problem(status, code, undefined, retryAfter), []);

    expect(said.wait).toBe(wait);
    if (status === 429) expect(said.message).toBe('problem.too-many-requests');
  });

  it.each([
    [0, 'unreachable', 'problem.unreachable'],
    [503, 'unavailable', 'problem.unavailable'],
    [500, 'internal', 'problem.unavailable'],
    [403, 'account-blocked', 'problem.account-blocked'],
    [418, 'teapot', 'problem.unknown'],
  ])('has a text for %i %s', (status, code, message) => {
    expect(formProblem(problem(status, code), []).message).toBe(message);
  });

  it('gives a code for support only where we cannot explain', () => {
    expect(formProblem(problem(418, 'teapot'), []).supportCode).toBe('7f3a');
    expect(formProblem(problem(401, 'credentials-invalid'), []).supportCode).toBeUndefined();
  });
});

describe('readRetryAfter', () => {
  it.each([
    ['12', 12],
    [' 0 ', 0],
    [null, undefined],
    ['', undefined],
    ['-1', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ])('reads %j as %j', (header, seconds) => {
    expect(readRetryAfter(header)).toBe(seconds);
  });
});
