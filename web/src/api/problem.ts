/** One field of a request that the server refuses, and why, in the server's words. */
export interface FieldProblem {
  field: string;
  /** What is wrong, for programs. */
  code: string;
  message: string;
}

/** `application/problem+json` as the server sends it (RFC 9457). */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string | undefined;
  /** Which fields are wrong, if the server names them. */
  fields: readonly FieldProblem[];
  /** Seconds that the server asks to wait (`Retry-After`). */
  retryAfter: number | undefined;
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

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function readFields(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry) => {
    const field = text(record(entry).field);
    return field === undefined ? [] : [{ field, code: text(record(entry).code) ?? '', message: text(record(entry).message) ?? '' }];
  });
}

/** `Retry-After` in seconds; dates are not used by our server and are left out. */
export function readRetryAfter(header: string | null): number | undefined {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return undefined;
  return Number(header.trim());
}

/** Reads a problem document; fields that are missing or of a wrong type get plain defaults. */
export function parseProblem(status: number, body: unknown, retryAfter?: number): Problem {
  const fields = record(body);
  return {
    status,
    code: text(fields.code) ?? 'unknown',
    detail: text(fields.detail) ?? text(fields.title) ?? `status ${status}`,
    requestId: text(fields.request_id),
    fields: readFields(fields.errors),
    retryAfter,
  };
}

/** What went wrong, for whatever a request threw. Bugs of ours are not hidden: they are thrown on. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  throw error;
}
