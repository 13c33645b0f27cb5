import { useSession } from '../../session/session';
import { Home } from './Home';
import { Welcome } from './Welcome';

/** The start: what is next for those who are signed in, what there is for others. */
export function HomePage() {
  const state = useSession();
  return state.status === 'signed-in' ? <Home user={state.user} /> : <Welcome />;
}
