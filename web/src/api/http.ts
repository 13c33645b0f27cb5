import { ApiError, parseProblem, readRetryAfter } from './problem';

const timeoutMs = 10_000;

export interface SendOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  /** Access token of the person. */
  token?: string | undefined;
  /** `ETag` of what is changed, so that nobody's change is overwritten unseen. */
  ifMatch?: string | undefined;
}

/** What the server answered: JSON (or undefined for no content), and the version of it. */
export interface Answer {
  body: unknown;
  etag: string | undefined;
}

function headersOf({ body, token, ifMatch }: SendOptions): Headers {
  // The header can't be set by a foreign page's form: the server asks for it where it reads the cookie.
  const headers = new Headers({ accept: 'application/json', 'x-requested-with': 'clapt' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (ifMatch !== undefined) headers.set('if-match', ifMatch);
  return headers;
}

/** Sends one request to our server. Throws `ApiError` for every answer that is no success, and for none. */
export async function send(path: string, options: SendOptions = {}): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? 'GET',
      headers: headersOf(options),
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    throw new ApiError(parseProblem(0, { code: 'unreachable', detail: 'the server did not answer' }));
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) {
    throw new ApiError(parseProblem(response.status, body, readRetryAfter(response.headers.get('retry-after'))));
  }
  return { body, etag: response.headers.get('etag') ?? undefined };
}
