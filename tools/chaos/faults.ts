import type { Random } from './random.ts';

/** What a network, a gateway or a database does to a call. `passed`: whether the call reaches its target. */
export type Fault =
  | { kind: 'refused' }
  | { kind: 'reset mid-request' }
  | { kind: 'answer lost' }
  | { kind: 'slow'; ms: number }
  | { kind: 'delayed'; ms: number }
  | { kind: 'duplicated'; apartMs: number }
  | { kind: 'answered'; name: string; status: number; headers: Record<string, string>; body: string };

/** What a network, a pooler or a database does to a statement that comes over a connection of its own. */
export type PoolFault =
  | { kind: 'reset mid-request' }
  | { kind: 'answer lost' }
  | { kind: 'garbage' }
  | { kind: 'raised'; code: string }
  | { kind: 'slow'; ms: number }
  | { kind: 'delayed'; ms: number };

type Weighted = WeightedOf<Fault>;
type WeightedOf<F> = readonly [weight: number, make: (random: Random) => F];

const answered = (
  name: string,
  status: number,
  body: string,
  headers: Record<string, string> = { 'content-type': 'text/html' },
): Weighted => [1, () => ({ kind: 'answered', name, status, headers, body })];

const raised = (code: string, message: string): Weighted => [
  1,
  () => ({
    kind: 'answered',
    name: `SQLSTATE ${code}`,
    status: 500,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, message, details: null, hint: null }),
  }),
];

const json = { 'content-type': 'application/json' };

const GATEWAY: readonly Weighted[] = [
  answered('500', 500, '<h1>Internal Server Error</h1>'),
  answered('503 with Retry-After', 503, 'come later', { 'retry-after': '1' }),
  answered('429', 429, 'too many', { 'retry-after': '1' }),
  answered('200 with garbage', 200, '<html>Welcome to the hotel network</html>'),
  answered('200 with half of an answer', 200, '{"outcome": "appl', json),
  answered('200 with what no column holds', 200, '{"outcome":"\\u0000","job_id":"\\ud800"}', json),
  answered('500 with a megabyte', 500, `{"code":"${'x'.repeat(1024 ** 2)}"}`, json),
  answered('400 that nests', 400, '['.repeat(10_000), json),
  answered('a status of nobody', 299, '{"outcome":["applied"],"job_id":{}}', json),
  answered('503 with an odd Retry-After', 503, '', { 'retry-after': '1e400' }),
  answered('404 of a gateway', 404, '404 page not found', { 'content-type': 'text/plain' }),
  answered('a redirect', 307, '', { location: '/elsewhere' }),
];

/** Lost answers come most: they are the ones that leave both sides with different beliefs. */
const NETWORK: readonly Weighted[] = [
  [2, () => ({ kind: 'refused' })],
  [2, () => ({ kind: 'reset mid-request' })],
  [5, () => ({ kind: 'answer lost' })],
  [4, (random) => ({ kind: 'delayed', ms: random.whole(50, 700) })],
  [3, (random) => ({ kind: 'duplicated', apartMs: random.whole(0, 300) })],
];

/** Of an endpoint that hangs: beyond every time-out; what it was sent arrives in the end. */
export const HANGING: Fault = { kind: 'slow', ms: 6_000 };

/** Between sender and endpoint, whose time-out is a second here. */
export const WEBHOOK_FAULTS: readonly Weighted[] = [
  ...NETWORK,
  ...GATEWAY,
  [1, (random) => ({ kind: 'slow', ms: random.whole(1_100, 4_000) })],
];

/** Between functions and the REST layer; the functions wait eight seconds for it. */
export const REST_FAULTS: readonly Weighted[] = [
  ...NETWORK,
  ...GATEWAY,
  [0.1, () => ({ kind: 'slow', ms: 8_500 })],
  raised('57014', 'canceling statement due to statement timeout'),
  raised('40001', 'could not serialize access due to concurrent update'),
  raised('40P01', 'deadlock detected'),
];

/** Between the functions' pools and PostgreSQL. A reset ends the connection, as no fault of a call by HTTP does. */
export const POOL_FAULTS: readonly WeightedOf<PoolFault>[] = [
  [2, () => ({ kind: 'reset mid-request' })],
  [5, () => ({ kind: 'answer lost' })],
  [4, (random) => ({ kind: 'delayed', ms: random.whole(50, 700) })],
  [1, () => ({ kind: 'garbage' })],
  [0.1, () => ({ kind: 'slow', ms: 8_500 })],
  ...['57014', '40001', '40P01'].map((code): WeightedOf<PoolFault> => [1, () => ({ kind: 'raised', code })]),
];

/** Draws the fate of a call: null where nothing happens to it. */
export function drawFault<F>(random: Random, faults: readonly WeightedOf<F>[], share: number): F | null {
  if (random.fraction() >= share) return null;
  let left = random.fraction() * faults.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of faults) {
    left -= weight;
    if (left < 0) return make(random);
  }
  return null;
}
