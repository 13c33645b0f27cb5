import { describe, expect, it } from 'vitest';
import { median } from '../api/probe';
import { parseProblem } from '../api/problem';
import { formatDuration } from '../classroom/status/useSeconds';
import { levelSteps } from '../pages/room/useMicLevel';
import { initials, stableIndex } from './initials';
import { isRoomName, toRoomName } from './roomName';
import { readToken } from './token';

const encode = (claims: unknown) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

describe('readToken', () => {
  it('reads name, identity, room and end, also beyond ASCII', () => {
    const claims = { sub: 'ana-1', name: 'Ana Petrović', exp: 1_800_000_000, video: { room: 'yoga' } };

    expect(readToken(`e30.${encode(claims)}.sig`)).toEqual({
      identity: 'ana-1',
      name: 'Ana Petrović',
      room: 'yoga',
      expiresAt: 1_800_000_000,
    });
  });

  it.each(['', 'abc', 'a.b', 'a.%%%.c', `a.${encode(null)}.c`, `a.${encode('text')}.c`])('refuses %j', (token) => {
    expect(readToken(token)).toBeUndefined();
  });
});

describe('names', () => {
  it('takes the first letter of the first and last word', () => {
    expect(initials('Nguyễn Thị Hoa')).toBe('NH');
    expect(initials('  ana ')).toBe('A');
    expect(initials('')).toBe('?');
  });

  it('gives the same person the same colour', () => {
    expect(stableIndex('ana', 5)).toBe(stableIndex('ana', 5));
    expect(stableIndex('ana', 5)).toBeLessThan(5);
  });

  it('makes a room name of what people type', () => {
    expect(toRoomName(' Yoga  basics ')).toBe('yoga-basics');
    expect(isRoomName('yoga-basics')).toBe(true);
    expect(isRoomName('')).toBe(false);
    expect(isRoomName('a/b')).toBe(false);
    expect(isRoomName('x'.repeat(65))).toBe(false);
  });
});

describe('numbers', () => {
  it('finds the middle measurement', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 2, 3, 10])).toBe(2.5);
  });

  it('writes durations with minutes and hours', () => {
    expect(formatDuration(0)).toBe('0:00');
    expect(formatDuration(65)).toBe('1:05');
    expect(formatDuration(3700)).toBe('1:01:40');
  });

  it('turns loudness into steps within their bounds', () => {
    expect(levelSteps(0, 12)).toBe(0);
    expect(levelSteps(1, 12)).toBe(12);
    expect(levelSteps(0.016, 12)).toBeGreaterThan(3);
  });
});

describe('parseProblem', () => {
  it('reads what the server says', () => {
    const body = { title: 'Full', detail: 'the room is full', code: 'room_full', request_id: '7F3A' };

    expect(parseProblem(409, body)).toMatchObject({ status: 409, code: 'room_full', detail: 'the room is full', requestId: '7F3A' });
  });

  it('reads which fields are wrong and how long to wait', () => {
    const body = { errors: [{ field: 'email', code: 'email-invalid', message: 'no' }, { field: 7 }, null, { field: 'name' }] };

    expect(parseProblem(422, body, 9)).toMatchObject({
      fields: [
        { field: 'email', code: 'email-invalid', message: 'no' },
        { field: 'name', code: '', message: '' },
      ],
      retryAfter: 9,
    });
  });

  it.each([undefined, null, 'text', { code: 7, detail: [], errors: 'none' }])('survives %j', (body) => {
    expect(parseProblem(502, body)).toEqual({
      status: 502,
      code: 'unknown',
      detail: 'status 502',
      requestId: undefined,
      fields: [],
      retryAfter: undefined,
    });
  });
});
