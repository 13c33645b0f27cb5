/** `application/problem+json` as the server sends it (RFC 9457). */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string | undefined;
}

/** A request that the server answered with an error, or did not answer at all (`status` 0). */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Reads a problem document; fields that are missing or of a wrong type get plain defaults. */
export function parseProblem(status: number, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return {
    status,
    code: text(fields.code) ?? 'unknown',
    detail: text(fields.detail) ?? text(fields.title) ?? `status ${status}`,
    requestId: text(fields.request_id),
  };
}
