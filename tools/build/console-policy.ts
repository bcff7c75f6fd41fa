import type { Plugin } from 'vite';
import { projectAddress } from '../../src/contracts/env-values.ts';

/**
 * The console's Content-Security-Policy, which allows connections to one Supabase project. Without `frame-ancestors`, which a
 * meta element cannot have: vercel.json sends it as a header.
 * @param supabaseUrl undefined: not configured at build time; the console shows an error
 */
export function consolePolicy(supabaseUrl: string | undefined): string {
  const origin = supabaseUrl === undefined ? undefined : new URL(supabaseUrl).origin;
  const connections = origin === undefined ? [] : [origin, origin.replace(/^http/, 'ws')];
  return [
    "default-src 'self'",
    ["connect-src 'self'", ...connections].join(' '),
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ');
}

/**
 * Writes the policy into the built page. vercel.json takes no variables, so its header is the same for every project. A
 * browser enforces both policies: the page may connect only to what both allow (docs/decisions/0016-console-policy.md).
 */
export function writeConsolePolicy(): Plugin {
  let policy = '';
  return {
    name: 'console-policy',
    apply: 'build',
    configResolved({ env }) {
      const given: unknown = env['VITE_SUPABASE_URL'];
      const text = typeof given === 'string' ? given.trim() : '';
      const parsed = projectAddress.optional().safeParse(text === '' ? undefined : text);
      if (!parsed.success) {
        throw new Error(`VITE_SUPABASE_URL: ${parsed.error.issues[0]?.message ?? 'is malformed'}`);
      }
      policy = consolePolicy(parsed.data);
    },
    // First in the head: the policy does not apply to elements before it.
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
        injectTo: 'head-prepend',
      },
    ],
  };
}
