import { z } from 'zod';
import { createRpc } from '../../src/server/store/rpc.ts';

// The floor: what a function costs that does nothing but call the database once, through the same client.
const rpc = createRpc({
  url: process.env['SUPABASE_URL'] ?? '',
  secretKey: process.env['SUPABASE_SECRET_KEY'] ?? '',
  fetch,
});

export async function POST(): Promise<Response> {
  await rpc('bench_empty', {}, z.boolean());
  return Response.json({ ok: true });
}
