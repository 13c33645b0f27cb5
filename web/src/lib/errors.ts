/**
 * Everything that can go wrong on the way into a room and inside, as one list of codes.
 *
 * Each code has a title and a text in the message catalogs. Nothing here imports media code, so
 * that the pages outside of the call stay small.
 */
export const errorCodes = [
  'camera-denied',
  'camera-missing',
  'camera-busy',
  'mic-denied',
  'mic-missing',
  'mic-busy',
  'room-full',
  'token-expired',
  'token-invalid',
  'not-allowed',
  'server-gone',
  'server-shutdown',
  'connection-lost',
  'media-failed',
  'duplicate-identity',
  'removed',
  'room-closed',
  'rate-limited',
  'need-link',
  'unsupported',
  'crashed',
  'unknown',
] as const;

export type ErrorCode = (typeof errorCodes)[number];
export type DeviceKind = 'camera' | 'mic';
export type DeviceErrorCode = `${DeviceKind}-${'denied' | 'missing' | 'busy'}`;

/** What trying again with the same link cannot change. */
export const isFinal = (code: ErrorCode): boolean =>
  code === 'token-expired' || code === 'token-invalid' || code === 'not-allowed';

/** What `getUserMedia` failed with, by the name of its exception. */
export function deviceErrorCode(kind: DeviceKind, error: unknown): DeviceErrorCode {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'DevicesNotFoundError':
      return `${kind}-missing`;
    case 'NotReadableError':
    case 'AbortError':
    case 'TrackStartError':
      return `${kind}-busy`;
    default:
      return `${kind}-denied`;
  }
}

/** What the HTTP API answered, by status and code. */
export function apiErrorCode(status: number, code: string): ErrorCode {
  if (status === 0 || status >= 500) return 'server-gone';
  if (status === 429) return 'rate-limited';
  if (code.includes('full') || code.includes('max_participants')) return 'room-full';
  if (status === 404) return 'need-link';
  if (status === 401) return 'token-invalid';
  if (status === 403) return 'not-allowed';
  return 'unknown';
}

/** A failed connection attempt: what the media client and the validate endpoint say about it. */
export interface ConnectFailure {
  /** HTTP status of the refusal, if there was one. */
  status: number | undefined;
  /** Text of the refusal, if there was one. */
  message: string;
  /** Whether no connection to the server could be made at all. */
  unreachable: boolean;
}

/** Why entering the room failed. `expired` is what the token itself says. */
export function connectErrorCode(failure: ConnectFailure, expired: boolean): ErrorCode {
  const message = failure.message.toLowerCase();
  if (/full|max(imum)? participants|exceeded its max|too many participants/.test(message)) return 'room-full';
  if (failure.status === 429 || message.includes('rate limit')) return 'rate-limited';
  if (expired || message.includes('expired')) return 'token-expired';
  if (message.includes('permission')) return 'not-allowed';
  if (failure.status === 401) return 'token-invalid';
  if (failure.status === 403) return message.includes('token') ? 'token-invalid' : 'not-allowed';
  if (/invalid token|signature|api key/.test(message)) return 'token-invalid';
  if (/not allowed|unauthorized/.test(message)) return 'not-allowed';
  if (/could not establish (pc|peer)|pc connection|ice /.test(message)) return 'media-failed';
  if (failure.unreachable || (failure.status ?? 0) >= 500 || message.includes('websocket')) return 'server-gone';
  return 'unknown';
}

/** Why a call ended, by the name of the protocol's disconnect reason; undefined if it was our wish. */
export function disconnectErrorCode(reason: string | undefined): ErrorCode | undefined {
  switch (reason ?? 'UNKNOWN') {
    case 'CLIENT_INITIATED':
      return undefined;
    case 'DUPLICATE_IDENTITY':
      return 'duplicate-identity';
    case 'PARTICIPANT_REMOVED':
      return 'removed';
    case 'ROOM_DELETED':
    case 'ROOM_CLOSED':
      return 'room-closed';
    case 'SERVER_SHUTDOWN':
      return 'server-shutdown';
    case 'MEDIA_FAILURE':
      return 'media-failed';
    default:
      return 'connection-lost';
  }
}
