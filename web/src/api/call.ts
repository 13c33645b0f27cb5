import { session } from '../session/session';
import { send, type Answer, type SendOptions } from './http';
import { ApiError } from './problem';

/** Answers with status 401 that are about what was typed, not about the session. */
const aboutInput = new Set(['credentials-invalid', 'second-factor-required', 'code-invalid']);

/**
 * Sends a request as whoever is signed in. A token that the server refuses is renewed once; if that is refused as
 * well, nobody is signed in any more, and the page shows the way to sign in again.
 */
export async function call(path: string, options: Omit<SendOptions, 'token'> = {}): Promise<Answer> {
  const token = await session.token();
  try {
    return await send(path, { ...options, token });
  } catch (error) {
    const expired = error instanceof ApiError && error.problem.status === 401 && !aboutInput.has(error.problem.code);
    if (!expired || token === undefined) throw error;
    const fresh = await session.token(token);
    if (fresh === undefined) throw error;
    return send(path, { ...options, token: fresh });
  }
}
