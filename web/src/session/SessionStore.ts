/**
 * Owns the session of this tab.
 *
 * Renewing changes the refresh cookie, which all tabs share, so that only one tab may do it at a time:
 * a lock that spans tabs is held meanwhile, and who waited for it takes what the other tab got.
 */
import { ApiError } from '../api/problem';
import type { Session, User } from '../api/types';
import { next, renewalDelay, retryDelay, usableToken, type SessionEvent, type SessionState } from './machine';

/** What one tab tells the others. */
export type TabMessage = { kind: 'granted'; session: Session; at: number } | { kind: 'left' };

/** The world around the store. */
export interface Surroundings {
  now: () => number;
  /** Asks the server for the next token by the cookie. */
  refresh: () => Promise<Session>;
  /** Runs `work` while no other tab does. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  tell: (message: TabMessage) => void;
  listen: (hear: (message: TabMessage) => void) => void;
  /** Whether this browser had a session when it was last used; whether it has one now. */
  remembered: () => boolean;
  remember: (signedIn: boolean) => void;
  /** Calls `wake` after `ms`, instead of whatever was asked for before; undefined: not at all. */
  wakeAfter: (ms: number | undefined, wake: () => void) => void;
}

export class SessionStore {
  #state: SessionState = { status: 'starting' };
  #renewing: Promise<void> | undefined;
  #failures = 0;
  readonly #listeners = new Set<() => void>();
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
    around.listen((message) => {
      this.#hear(message);
    });
  }

  readonly snapshot = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Finds out who is signed in. A browser that never had a session asks nothing. */
  async start(): Promise<void> {
    if (this.#around.remembered()) {
      await this.#renew();
    } else if (this.#state.status === 'starting') {
      this.#set({ status: 'signed-out', reason: 'none' });
    }
  }

  /** Asks again after the server did not answer. */
  async retry(): Promise<void> {
    if (this.#state.status === 'unreachable') this.#set({ status: 'starting' });
    await this.start();
  }

  /** Takes the session that signing in gave. */
  adopt(session: Session): void {
    this.#grant(session);
  }

  /** Takes what the server newly said about the person. */
  changed(user: User): void {
    this.#apply({ kind: 'changed', user });
  }

  /** Forgets the session; the server has been told. */
  leave(): void {
    this.#apply({ kind: 'left' });
    this.#around.remember(false);
    this.#around.tell({ kind: 'left' });
  }

  /**
   * A token to send with a request, renewed first if it is about to end or is the one that was `rejected`.
   * Undefined if nobody is signed in, or if the server does not answer.
   */
  async token(rejected?: string): Promise<string | undefined> {
    const usable = () => {
      const token = usableToken(this.#state, this.#around.now());
      return token === rejected ? undefined : token;
    };
    if (usable() === undefined && this.#state.status === 'signed-in') await this.#renew();
    return usable();
  }

  /** Renews now if it is time: timers stand still while a computer sleeps. */
  wake(): void {
    if (renewalDelay(this.#state, this.#around.now()) === 0) void this.#renew();
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewAlone().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewAlone(): Promise<void> {
    const before = this.#state;
    await this.#around.exclusively(async () => {
      const isNewer = this.#state !== before && usableToken(this.#state, this.#around.now()) !== undefined;
      if (isNewer || this.#state.status === 'signed-out') return;
      try {
        this.#grant(await this.#around.refresh());
      } catch (error) {
        this.#renewalFailed(error);
      }
    });
  }

  #grant(session: Session): void {
    const at = this.#around.now();
    this.#failures = 0;
    this.#apply({ kind: 'granted', session, now: at });
    this.#around.remember(true);
    this.#around.tell({ kind: 'granted', session, at });
  }

  #renewalFailed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    const { status, code } = error.problem;
    if (status === 401) {
      this.#around.remember(false);
      this.#apply({ kind: 'refused', code });
      return;
    }
    this.#failures += 1;
    this.#apply({ kind: 'failed' });
    this.#plan(retryDelay(this.#failures));
  }

  #hear(message: TabMessage): void {
    if (message.kind === 'granted') this.#apply({ kind: 'granted', session: message.session, now: message.at });
    else this.#apply({ kind: 'left' });
  }

  #apply(event: SessionEvent): void {
    this.#set(next(this.#state, event));
    this.#plan(renewalDelay(this.#state, this.#around.now()));
  }

  #plan(ms: number | undefined): void {
    this.#around.wakeAfter(this.#state.status === 'signed-in' ? ms : undefined, () => {
      void this.#renew();
    });
  }

  #set(state: SessionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
