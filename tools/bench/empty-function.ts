import { z } from 'zod';
import { createDirectStore } from '../../src/server/store/direct-store.ts';
import { createRestStore } from '../../src/server/store/rest-store.ts';

// Baseline: a function that only makes one database call, through the configured store.
type EmptyFunction = Record<'bench_empty', { Args: Record<PropertyKey, never> }>;
const directUrl = process.env['STORE_DATABASE_URL'];
const store =
  directUrl === undefined
    ? createRestStore<EmptyFunction>({
        url: process.env['SUPABASE_URL'] ?? '',
        secretKey: process.env['SUPABASE_SECRET_KEY'] ?? '',
        fetch,
      })
    : createDirectStore<EmptyFunction>({ url: directUrl, monotonicNow: () => performance.now() });

export async function POST(): Promise<Response> {
  await store.rpc('bench_empty', {}, z.boolean());
  return Response.json({ ok: true });
}
