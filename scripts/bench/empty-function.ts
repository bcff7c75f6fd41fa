import { z } from 'zod';
import { createRestStore } from '../../src/server/store/rest-store.ts';

// The floor: what a function costs that does nothing but call the database once, through the same client.
const store = createRestStore<{ bench_empty: { Args: Record<PropertyKey, never> } }>({
  url: process.env['SUPABASE_URL'] ?? '',
  secretKey: process.env['SUPABASE_SECRET_KEY'] ?? '',
  fetch,
});

export async function POST(): Promise<Response> {
  await store.rpc('bench_empty', {}, z.boolean());
  return Response.json({ ok: true });
}
