import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SupabaseKeys } from '../lite.ts';
import { refusal, RefusalError, type Refusal } from './errors.ts';

/** The caller as the SQL functions see it. */
export interface Caller {
  role: string;
  claims: Record<string, unknown>;
}

/** PostgREST's tolerance for clock differences. */
const SKEW_SECONDS = 30;

const head = z.object({ alg: z.literal('HS256') });
const claimSet = z.looseObject({
  role: z.string().optional(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
});

/**
 * Determines the caller as the hosted gateway and PostgREST do: the gateway maps API keys to roles, PostgREST verifies users'
 * tokens. The database is not asked: a deleted user's token stays valid until it expires.
 * @throws {RefusalError}
 */
export function callerOf(headers: Headers, keys: SupabaseKeys, nowMs: number): Caller {
  const apiKey = headers.get('apikey');
  if (apiKey !== keys.publishableKey && apiKey !== keys.secretKey) {
    throw new RefusalError(refusal(401, 'UNAUTHORIZED', 'Invalid API key'));
  }
  const keyRole = apiKey === keys.secretKey ? 'service_role' : 'anon';
  const token = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  // Without a signed-in user, clients also send their API key as the token.
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
