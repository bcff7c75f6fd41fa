import { afterEach, expect, it, vi } from 'vitest';
import { redrive } from '../../src/console/lib/delivery-actions.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import { browserClient, type Network } from '../support/browser-session.ts';

afterEach(() => vi.unstubAllGlobals());

const AT = '2026-11-25T12:00:00Z';
const dead: OpenDelivery = {
  id: '1',
  event_id: 'dead',
  job_id: 'job',
  report_type: 'org',
  report_id: '00000000-0000-4000-8000-000000000002',
  endpoint_id: 'final-report',
  stage: 'final',
  status: 'failed',
  attempts: 7,
  created_at: AT,
  last_attempt: AT,
  next_attempt: null,
  dead_at: AT,
  dead_reason: 'attempts_exhausted',
  error: 'answered 502',
  response_status: 502,
  response_excerpt: null,
  channel: 'direct',
  effect: 'applied',
};
/** How each of them stands when it is looked at after the redrive. */
const after = [
  dead,
  { ...dead, event_id: 'delivered', status: 'success', dead_at: null, dead_reason: null },
  { ...dead, event_id: 'redriven', next_attempt: AT, dead_at: null, dead_reason: null },
];

it('tells apart what is back on schedule, what has been delivered meanwhile, and what was left', async () => {
  const network: Network = async (url, init) => {
    if (url.pathname.endsWith('/redrive')) return Response.json({ redriven: 0 });
    const { p_event_id } = (await new Request(url, init).json()) as { p_event_id: string };
    const delivery = after.find(({ event_id }) => event_id === p_event_id);
    return Response.json({ event: null, job: null, delivery, steps: [], truncated: false });
  };
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => network(new URL(path, location.href), init));
  const chosen = after.map(({ event_id }) => ({ ...dead, event_id }));
  const client = browserClient(network);
  const outcomes = await Promise.all(chosen.map((delivery) => redrive(client, delivery)));
  expect(outcomes.map(({ word, detail }) => [word, detail])).toEqual([
    ['not redriven', 'The delivery is closed, or another process holds it.'],
    ['not redriven', 'The delivery has already succeeded.'],
    ['back on schedule', 'The next sweep sends the delivery, within a minute.'],
  ]);
});
