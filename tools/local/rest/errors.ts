import postgres from 'postgres';

/** An answer that PostgREST gives instead of a result. */
export interface Refusal {
  status: number;
  code: string;
  message: string;
  details: string | null;
  hint: string | null;
}

export function refusal(
  status: number,
  code: string,
  message: string,
  { details = null, hint = null }: { details?: string | null; hint?: string | null } = {},
): Refusal {
  return { status, code, message, details, hint };
}

export class RefusalError extends Error {
  override name = 'RefusalError';
  readonly refusal: Refusal;
  constructor(given: Refusal) {
    super(given.message);
    this.refusal = given;
  }
}

export function refusalResponse({ status, code, message, details, hint }: Refusal): Response {
  return jsonResponse(status, JSON.stringify({ code, details, hint, message }));
}

export function jsonResponse(status: number, body: string): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json; charset=utf-8' } });
}

/**
 * PostgREST's answer to a failed call. `role` is the caller's: a missing right is 401 for `anon`, 403 for others.
 * @returns undefined if neither the database nor the connection has failed
 */
export function refusalOf(error: unknown, role: string): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (!(error instanceof Error)) return undefined;
  if (error instanceof postgres.PostgresError) {
    const { code, message } = error;
    // The server is starting or stopping and accepts no connections.
    if (code === '57P03') return refusal(503, 'PGRST000', CONNECTION_FAILED, { details: message });
    return refusal(statusOf(code, message, role), code, message, {
      details: error.detail ?? null,
      hint: error.hint ?? null,
    });
  }
  if (!('code' in error) || typeof error.code !== 'string') return undefined;
  if (COULD_NOT_CONNECT.has(error.code)) {
    return refusal(503, 'PGRST000', CONNECTION_FAILED, { details: error.message });
  }
  if (isConnectionError(error.code)) {
    return refusal(503, 'PGRST001', 'Database client error. Retrying the connection.', {
      details: error.message,
    });
  }
  return undefined;
}

/** Whether the driver's or the system's code says that the connection failed or was lost. */
export function isConnectionError(code: unknown): boolean {
  return typeof code === 'string' && (COULD_NOT_CONNECT.has(code) || CONNECTION_LOST.has(code));
}

const CONNECTION_FAILED = 'Database connection error. Retrying the connection.';
const COULD_NOT_CONNECT = new Set(['ECONNREFUSED', 'CONNECT_TIMEOUT']);
const CONNECTION_LOST = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'ECONNRESET',
  'EPIPE',
]);

/** HTTP status by SQLSTATE, or by its class (two characters). PostgREST's table: Error/PgError/ResultError.hs. */
const STATUS: Readonly<Record<string, number>> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '23503': 409,
  '23505': 409,
  '25': 500,
  '25006': 405,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53': 503,
  '53400': 500,
  '54': 500,
  '55': 500,
  '57': 500,
  '57P01': 503,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  P0001: 400,
  XX: 500,
};

function statusOf(code: string, message: string, role: string): number {
  const raised = /^PT(\d{3})$/.exec(code)?.[1];
  if (raised !== undefined) return Number(raised);
  if (code === '42501') return role === 'anon' ? 401 : 403;
  // pg-safeupdate's error is the caller's fault; a subquery with two rows is the function's.
  if (code === '21000') return message.endsWith('requires a WHERE clause') ? 400 : 500;
  if (code === '22023' && /^role .* does not exist$/.test(message)) return 401;
  return STATUS[code] ?? STATUS[code.slice(0, 2)] ?? 400;
}
