import { QueryClient } from '@tanstack/react-query';
import { cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { deliveriesQuery } from '../../src/console/lib/delivery-queries.ts';
import { FailedDeliveries } from '../../src/console/views/deliveries/page.tsx';
import { allJobsQuery } from '../../src/console/views/jobs/queries.ts';
import { allReportsQuery } from '../../src/console/views/reports/queries.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

/** Which channels of Realtime, a service of hosted projects, are joined now. */
const joined = vi.hoisted(() => {
  vi.stubEnv('VITE_SUPABASE_URL', 'http://project.test');
  vi.stubEnv('VITE_SUPABASE_PUBLISHABLE_KEY', 'publishable');
  return new Set<object>();
});
vi.mock('../../src/console/lib/realtime.ts', () => ({
  connectionOf: () => ({
    channel() {
      const channel = { on: () => channel, subscribe: () => joined.add(channel) };
      return channel;
    },
    removeChannel: (channel: object) => joined.delete(channel),
  }),
}));

afterEach(cleanup);

const client = browserClient(() => Response.json({ rows: [], next: null }));

it.each([
  ['deliveries', deliveriesQuery(client, {}, false)],
  ['jobs', allJobsQuery(client, {}, false)],
  ['reports', allReportsQuery(client, {}, false)],
] as const)('refreshes the list of %s by itself only while one page of it is open', (_name, query) => {
  const cache = new QueryClient();
  const intervalOf = (pages: number) => {
    // What is tested reads the number of pages alone.
    cache.setQueryData(query.queryKey, { pages: Array(pages).fill({}), pageParams: [] });
    const cached = cache.getQueryCache().find({ queryKey: query.queryKey });
    const { refetchInterval } = query;
    return typeof refetchInterval === 'function' ? refetchInterval(cached as never) : refetchInterval;
  };
  expect(intervalOf(1)).toBe(5_000);
  expect(intervalOf(2)).toBe(false);
});

it('leaves Realtime when a second page of deliveries is opened: each change would read all pages again', async () => {
  const AT = '2026-11-25T12:00:00Z';
  const delivery = (id: string) => ({
    id,
    event_id: `evt_${id}`,
    job_id: null,
    report_type: 'org',
    report_id: '00000000-0000-4000-8000-000000000003',
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
  });
  const network = browserClient(async (url, init) => {
    if (!url.pathname.endsWith('/list_open_deliveries'))
      return Response.json({ code: '42501' }, { status: 403 });
    const { p_cursor_id } = (await new Request(url, init).json()) as { p_cursor_id?: string | null };
    const isFirst = p_cursor_id === undefined || p_cursor_id === null;
    return Response.json({
      rows: [delivery(isFirst ? '2' : '1')],
      next: isFirst ? { at: AT, id: '2' } : null,
      total: { count: 2, capped: false },
    });
  });
  renderSignedIn(network, <FailedDeliveries />);
  await vi.waitFor(() => expect(joined.size).toBe(1), 20_000);
  fireEvent.click(await screen.findByRole('button', { name: 'Show more' }));
  await vi.waitFor(() => expect(joined.size).toBe(0), 20_000);
  expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
});
