import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SupabaseKeys } from '../lite.ts';
import { refusal, RefusalError, type Refusal } from './errors.ts';

/** Who calls, as the SQL functions see it. */
export interface Caller {
  role: string;
  claims: Record<string, unknown>;
}

/** PostgREST's allowance for clocks that differ. */
const SKEW_SECONDS = 30;

const head = z.object({ alg: z.literal('HS256') });
const claimSet = z.looseObject({
  role: z.string().optional(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
});

/**
 * Reads who calls: the gateway in front of PostgREST turns API keys into roles, PostgREST verifies users' tokens. Nothing
 * is asked of the database: a user who was deleted stays until the token ends.
 * @throws {RefusalError}
 */
export function callerOf(headers: Headers, keys: SupabaseKeys, nowMs: number): Caller {
  const apiKey = headers.get('apikey');
  if (apiKey !== keys.publishableKey && apiKey !== keys.secretKey) {
    throw new RefusalError(refusal(401, 'UNAUTHORIZED', 'Invalid API key'));
  }
  const keyRole = apiKey === keys.secretKey ? 'service_role' : 'anon';
  const token = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  // Clients send their key as a token too while nobody is signed in.
  if (token === undefined || token === apiKey) return { role: keyRole, claims: { role: keyRole } };
  const claims = verified(token, keys.jwtSecret);
  const now = nowMs / 1000;
  if (claims.exp !== undefined && claims.exp < now - SKEW_SECONDS) throw invalid('PGRST303', 'JWT expired');
  if (claims.nbf !== undefined && claims.nbf > now + SKEW_SECONDS) {
    throw invalid('PGRST303', 'JWT not yet valid');
  }
  if (claims.iat !== undefined && claims.iat > now + SKEW_SECONDS) {
    throw invalid('PGRST303', 'JWT issued at future');
  }
  const role = claims.role ?? 'anon';
  return { role, claims: { ...claims, role } };
}

function verified(token: string, secret: string): z.infer<typeof claimSet> {
  const parts = token.split('.');
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw invalid('PGRST301', `Expected 3 parts in JWT; got ${parts.length}`);
  }
  if (!head.safeParse(decoded(header)).success) {
    throw invalid('PGRST301', 'Wrong or unsupported encoding algorithm');
  }
  const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw invalid('PGRST301', 'No suitable key or wrong key type');
  }
  const claims = claimSet.safeParse(decoded(payload));
  if (!claims.success) throw invalid('PGRST303', 'Parsing claims failed');
  return claims.data;
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalid(code: Refusal['code'], message: string): RefusalError {
  return new RefusalError(refusal(401, code, message));
}
