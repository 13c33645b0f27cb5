/** What a token says about its holder. Read for display only: the server is the one who checks it. */
export interface TokenClaims {
  identity: string;
  name: string;
  room: string;
  /** Unix seconds, if the token has an end. */
  expiresAt: number | undefined;
}

/** Reads the claims of a JWT without checking its signature; undefined if it is none. */
export function readToken(token: string): TokenClaims | undefined {
  const payload = token.split('.')[1];
  if (token.split('.').length !== 3 || !payload) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== 'object' || claims === null) return undefined;
    const get = (key: string): unknown => (claims as Record<string, unknown>)[key];
    const video = get('video');
    const room: unknown = typeof video === 'object' && video !== null ? (video as Record<string, unknown>).room : '';
    const text = (value: unknown) => (typeof value === 'string' ? value : '');
    const exp = get('exp');
    return {
      identity: text(get('sub')),
      name: text(get('name')),
      room: text(room),
      expiresAt: typeof exp === 'number' ? exp : undefined,
    };
  } catch {
    return undefined;
  }
}
