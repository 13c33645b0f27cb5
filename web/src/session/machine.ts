/**
 * Who is signed in, as a value: events go in, the next state comes out.
 *
 * Invariants:
 * - a token of the past is never kept beside a newer one;
 * - a server that does not answer ends no session, only its refusal or the person does;
 * - whoever was signed in and is no more is told why.
 */
import type { Session, User } from '../api/types';

/** Why nobody is signed in. `none`: nobody was. */
export type EndReason = 'none' | 'left' | 'ended' | 'revoked';

export interface SignedIn {
  status: 'signed-in';
  token: string;
  /** When to get the next token, ms of the Unix epoch. */
  renewAt: number;
  expiresAt: number;
  user: User;
}

export type SessionState =
  /** Not asked yet. */
  | { status: 'starting' }
  /** Asked, and the server did not answer. */
  | { status: 'unreachable' }
  | { status: 'signed-out'; reason: EndReason }
  | SignedIn;

export type SessionEvent =
  | { kind: 'granted'; session: Session; now: number }
  /** The server ended the session, with this code. */
  | { kind: 'refused'; code: string }
  /** The server did not answer. */
  | { kind: 'failed' }
  /** The person signed out, here or in another tab. */
  | { kind: 'left' }
  /** The server knows something newer about the person. */
  | { kind: 'changed'; user: User };

/** The part of a token's life after which the next one is asked for. */
const renewAfter = 0.8;

/** A token that ends within this time is not worth sending. */
const marginMs = 5000;

/** What follows from an event. */
export function next(state: SessionState, event: SessionEvent): SessionState {
  switch (event.kind) {
    case 'granted': {
      const life = event.session.expires_in * 1000;
      return {
        status: 'signed-in',
        token: event.session.access_token,
        renewAt: event.now + life * renewAfter,
        expiresAt: event.now + life,
        user: event.session.user,
      };
    }
    case 'refused':
      if (state.status === 'signed-out') return state;
      return { status: 'signed-out', reason: event.code === 'session-revoked' ? 'revoked' : 'ended' };
    case 'failed':
      return state.status === 'starting' ? { status: 'unreachable' } : state;
    case 'left':
      return { status: 'signed-out', reason: 'left' };
    case 'changed':
      return state.status === 'signed-in' && state.user.id === event.user.id ? { ...state, user: event.user } : state;
  }
}

/** The token to send now, if there is one that is good for long enough. */
export const usableToken = (state: SessionState, now: number): string | undefined =>
  state.status === 'signed-in' && now < state.expiresAt - marginMs ? state.token : undefined;

/** Ms until the next token should be asked for; undefined if there is nothing to renew. */
export const renewalDelay = (state: SessionState, now: number): number | undefined =>
  state.status === 'signed-in' ? Math.max(0, state.renewAt - now) : undefined;

/** Ms to wait before asking again after `failures` tries without an answer: 2 s, doubled each time, a minute at most. */
export const retryDelay = (failures: number): number => Math.min(60_000, 1000 * 2 ** failures);
