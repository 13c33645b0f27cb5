import { describe, expect, it } from 'vitest';
import { apiErrorCode, connectErrorCode, deviceErrorCode, disconnectErrorCode } from './errors';

const named = (name: string) => Object.assign(new Error(name), { name });
const refused = (status: number, message = '') => ({ status, message, unreachable: false });

describe('deviceErrorCode', () => {
  it.each([
    ['NotAllowedError', 'camera-denied'],
    ['SecurityError', 'camera-denied'],
    ['NotFoundError', 'camera-missing'],
    ['OverconstrainedError', 'camera-missing'],
    ['NotReadableError', 'camera-busy'],
  ] as const)('names %s', (name, code) => {
    expect(deviceErrorCode('camera', named(name))).toBe(code);
  });
});

describe('connectErrorCode', () => {
  it.each([
    [refused(401, 'invalid token'), false, 'token-invalid'],
    [refused(401, 'token is expired'), false, 'token-expired'],
    [refused(401, 'invalid token'), true, 'token-expired'],
    [refused(403, 'permission denied'), false, 'not-allowed'],
    [refused(401, 'permissions denied'), false, 'not-allowed'],
    [refused(401, 'the token expired 3600 s ago'), false, 'token-expired'],
    [refused(500, 'room has exceeded its max participants'), false, 'room-full'],
    [refused(503, 'room is full'), true, 'room-full'],
    [refused(429, 'rate limited'), false, 'rate-limited'],
    [refused(503), false, 'server-gone'],
    [{ status: undefined, message: 'Websocket got closed', unreachable: false }, false, 'server-gone'],
    [{ status: undefined, message: 'websocket closed', unreachable: true }, false, 'server-gone'],
    [{ status: undefined, message: 'could not establish pc connection', unreachable: false }, false, 'media-failed'],
    [{ status: undefined, message: 'something else', unreachable: false }, false, 'unknown'],
  ] as const)('names %o', (failure, expired, code) => {
    expect(connectErrorCode(failure, expired)).toBe(code);
  });
});

describe('apiErrorCode', () => {
  it.each([
    [0, 'unreachable', 'server-gone'],
    [502, 'unknown', 'server-gone'],
    [404, 'not_found', 'need-link'],
    [409, 'room_full', 'room-full'],
    [429, 'rate_limited', 'rate-limited'],
    [400, 'invalid_argument', 'unknown'],
  ] as const)('names status %i with %s', (status, code, expected) => {
    expect(apiErrorCode(status, code)).toBe(expected);
  });
});

describe('disconnectErrorCode', () => {
  it('is silent about leaving by oneself and names every other end', () => {
    expect(disconnectErrorCode('CLIENT_INITIATED')).toBeUndefined();
    expect(disconnectErrorCode('DUPLICATE_IDENTITY')).toBe('duplicate-identity');
    expect(disconnectErrorCode('PARTICIPANT_REMOVED')).toBe('removed');
    expect(disconnectErrorCode('ROOM_DELETED')).toBe('room-closed');
    expect(disconnectErrorCode('SERVER_SHUTDOWN')).toBe('server-shutdown');
    expect(disconnectErrorCode(undefined)).toBe('connection-lost');
    expect(disconnectErrorCode('A_REASON_OF_TOMORROW')).toBe('connection-lost');
  });
});
