import { send } from './http';

/** What this server is, from `GET /api/v1/instance`. */
export interface Instance {
  devMode: boolean;
  name: string;
  version: string;
}

/** A way into a room, from `POST /api/v1/dev/join`. */
export interface JoinGrant {
  token: string;
  identity: string;
  room: string;
}

const field = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;

const string = (body: unknown, name: string): string => {
  const value = field(body, name);
  return typeof value === 'string' ? value : '';
};

/** Asks the server what it is and whether rooms can be joined by name. */
export async function getInstance(): Promise<Instance> {
  const { body } = await send('/api/v1/instance');
  return { devMode: field(body, 'dev_mode') === true, name: string(body, 'name'), version: string(body, 'version') };
}

/**
 * Asks for a token to enter a room by name. Works in development mode only.
 *
 * Throws `ApiError`: 404 outside of development mode, 4xx for a name that is not allowed.
 */
export async function devJoin(room: string, name: string, identity?: string): Promise<JoinGrant> {
  const { body } = await send('/api/v1/dev/join', {
    method: 'POST',
    body: identity === undefined ? { room, name } : { room, name, identity },
  });
  return { token: string(body, 'token'), identity: string(body, 'identity'), room: string(body, 'room') };
}
