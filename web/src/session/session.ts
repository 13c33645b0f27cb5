import { useSyncExternalStore } from 'react';
import { send } from '../api/http';
import type { Session, User } from '../api/types';
import { SessionStore, type Surroundings, type TabMessage } from './SessionStore';
import type { SessionState } from './machine';

const memoryKey = 'clapt.session';
const lockName = 'clapt.session';

/** The real browser: the cookie of the server, locks and messages across tabs, a note that there is a session. */
function browser(): Surroundings {
  const channel = new BroadcastChannel('clapt.session');
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    now: Date.now,
    refresh: async () => (await send('/api/v1/auth/refresh', { method: 'POST' })).body as Session,
    exclusively: async (work) => {
      // Without a secure context there are no locks; tabs then renew on their own.
      if ('locks' in navigator) await navigator.locks.request(lockName, work);
      else await work();
    },
    tell: (message) => {
      channel.postMessage(message);
    },
    listen: (hear) => {
      channel.onmessage = (event: MessageEvent<TabMessage>) => {
        hear(event.data);
      };
    },
    remembered: () => localStorage.getItem(memoryKey) === '1',
    remember: (signedIn) => {
      if (signedIn) localStorage.setItem(memoryKey, '1');
      else localStorage.removeItem(memoryKey);
    },
    wakeAfter: (ms, wake) => {
      clearTimeout(timer);
      if (ms !== undefined) timer = setTimeout(wake, ms);
    },
  };
}

/** The session of this tab. */
export const session = new SessionStore(browser());

/** Finds out who is signed in, and renews when the page is looked at again or the network is back. */
export function startSession(): void {
  void session.start();
  const wake = () => {
    if (document.visibilityState === 'visible') session.wake();
  };
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', () => {
    if (session.snapshot().status === 'unreachable') void session.retry();
    else wake();
  });
}

export const useSession = (): SessionState => useSyncExternalStore(session.subscribe, session.snapshot);

/** Whoever is signed in; undefined if nobody is. */
export function useUser(): User | undefined {
  const state = useSession();
  return state.status === 'signed-in' ? state.user : undefined;
}
