import { describe, expect, it } from 'vitest';
import { ApiError, parseProblem } from '../api/problem';
import type { Session, User } from '../api/types';
import { next, renewalDelay, retryDelay, usableToken, type SessionState } from './machine';
import { SessionStore, type Surroundings, type TabMessage } from './SessionStore';

const ana = { id: 'ana', name: 'Ana' } as User;
const grant = (token: string, seconds = 900): Session => ({ access_token: token, expires_in: seconds, user: ana });
const granted = (token = 'a', now = 0) =>
  next({ status: 'starting' }, { kind: 'granted', session: grant(token), now });
const refusal = (status: number, code: string) => new ApiError(parseProblem(status, { code }));

describe('the session as a value', () => {
  it('renews a token when four fifths of its life are over, and sends none that is about to end', () => {
    const state = granted('a', 1000);

    expect(renewalDelay(state, 1000)).toBe(720_000);
    expect(renewalDelay(state, 800_000)).toBe(0);
    expect(usableToken(state, 1000 + 894_000)).toBe('a');
    expect(usableToken(state, 1000 + 895_000)).toBeUndefined();
  });

  it.each([
    ['session-revoked', 'revoked'],
    ['session-ended', 'ended'],
    ['unauthenticated', 'ended'],
  ])('tells why it ended: %s', (code, reason) => {
    expect(next(granted(), { kind: 'refused', code })).toEqual({ status: 'signed-out', reason });
  });

  it('is not ended by a server that does not answer', () => {
    const state = granted();

    expect(next(state, { kind: 'failed' })).toBe(state);
    expect(next({ status: 'starting' }, { kind: 'failed' })).toEqual({ status: 'unreachable' });
  });

  it('keeps the reason once somebody is out', () => {
    const out: SessionState = { status: 'signed-out', reason: 'revoked' };

    expect(next(out, { kind: 'refused', code: 'session-ended' })).toBe(out);
    expect(next(out, { kind: 'failed' })).toBe(out);
  });

  it('takes news only about the same person', () => {
    const state = granted();

    expect(next(state, { kind: 'changed', user: { ...ana, name: 'Anna' } })).toMatchObject({ user: { name: 'Anna' } });
    expect(next(state, { kind: 'changed', user: { ...ana, id: 'ben' } })).toBe(state);
  });

  it('asks a silent server less and less often, at least once a minute', () => {
    expect([1, 2, 3, 30].map(retryDelay)).toEqual([2000, 4000, 8000, 60_000]);
  });
});

/** A browser with several tabs: one cookie, one lock, messages between them. */
class Browser {
  now = 0;
  remembered = true;
  refreshes = 0;
  answer: () => Promise<Session> = () => Promise.resolve(grant(`token-${this.refreshes}`));
  #lock: Promise<void> = Promise.resolve();
  readonly #ears: ((message: TabMessage) => void)[] = [];

  tab() {
    const index = this.#ears.length;
    const timer: { ms: number | undefined; wake: () => void } = { ms: undefined, wake: () => undefined };
    const around: Surroundings = {
      now: () => this.now,
      refresh: () => {
        this.refreshes += 1;
        return this.answer();
      },
      exclusively: (work) => {
        const turn = this.#lock.then(work);
        this.#lock = turn.catch(() => undefined);
        return turn;
      },
      tell: (message) => {
        this.#ears.forEach((hear, ear) => {
          if (ear !== index) hear(message);
        });
      },
      listen: (hear) => this.#ears.push(hear),
      remembered: () => this.remembered,
      remember: (signedIn) => {
        this.remembered = signedIn;
      },
      wakeAfter: (ms, wake) => Object.assign(timer, { ms, wake }),
    };
    return { store: new SessionStore(around), timer };
  }
}

describe('the session of a tab', () => {
  it('asks nothing in a browser that never had one', async () => {
    const browser = new Browser();
    browser.remembered = false;
    const { store } = browser.tab();

    await store.start();

    expect(store.snapshot()).toEqual({ status: 'signed-out', reason: 'none' });
    expect(browser.refreshes).toBe(0);
  });

  it('comes back after a reload, and plans its renewal', async () => {
    const { store, timer } = new Browser().tab();

    await store.start();

    expect(store.snapshot()).toMatchObject({ status: 'signed-in', token: 'token-1', user: ana });
    expect(timer.ms).toBe(720_000);
  });

  it('is renewed once, however many requests need it and however many tabs there are', async () => {
    const browser = new Browser();
    const [one, two] = [browser.tab().store, browser.tab().store];
    await one.start();
    browser.now = 895_000;

    const tokens = await Promise.all([one.token(), one.token(), two.token(), two.token()]);

    expect(new Set(tokens)).toEqual(new Set(['token-2']));
    expect(browser.refreshes).toBe(2);
  });

  it('renews a token that the server rejects, but only if it has none that is newer', async () => {
    const browser = new Browser();
    const { store } = browser.tab();
    await store.start();

    expect(await store.token('an-older-one')).toBe('token-1');
    expect(await store.token('token-1')).toBe('token-2');
  });

  it('ends when the server says so, and is forgotten', async () => {
    const browser = new Browser();
    const { store, timer } = browser.tab();
    await store.start();
    browser.answer = () => Promise.reject(refusal(401, 'session-revoked'));

    expect(await store.token('token-1')).toBeUndefined();
    expect(store.snapshot()).toEqual({ status: 'signed-out', reason: 'revoked' });
    expect(browser.remembered).toBe(false);
    expect(timer.ms).toBeUndefined();
  });

  it('outlives a server that is away, and is asked for again', async () => {
    const browser = new Browser();
    const { store, timer } = browser.tab();
    await store.start();
    browser.now = 720_000;
    browser.answer = () => Promise.reject(refusal(503, 'unavailable'));
    timer.wake();
    await store.token('token-1');

    expect(store.snapshot()).toMatchObject({ status: 'signed-in', token: 'token-1' });
    expect(timer.ms).toBe(2000);
    expect(browser.remembered).toBe(true);
  });

  it('says that the server is away if it cannot start, and starts when asked again', async () => {
    const browser = new Browser();
    const { store } = browser.tab();
    const { answer } = browser;
    browser.answer = () => Promise.reject(refusal(0, 'unreachable'));
    await store.start();
    expect(store.snapshot()).toEqual({ status: 'unreachable' });

    browser.answer = answer;
    await store.retry();

    expect(store.snapshot()).toMatchObject({ status: 'signed-in' });
  });

  it('is the same in all tabs: signing in and out', async () => {
    const browser = new Browser();
    browser.remembered = false;
    const [one, two] = [browser.tab().store, browser.tab().store];
    await Promise.all([one.start(), two.start()]);

    one.adopt(grant('fresh'));
    expect(two.snapshot()).toMatchObject({ status: 'signed-in', token: 'fresh' });
    two.leave();

    expect(one.snapshot()).toEqual({ status: 'signed-out', reason: 'left' });
    expect(browser.remembered).toBe(false);
  });
});
