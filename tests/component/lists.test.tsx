import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { navigate } from 'raviger';
import { afterEach, expect, it, vi } from 'vitest';
import { AuditLog } from '../../src/console/views/audit/page.tsx';
import { FailedDeliveries } from '../../src/console/views/deliveries/page.tsx';
import { browserClient, type Network } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

// Realtime is off: the local system lacks this service of hosted projects.
vi.hoisted(() => {
  vi.stubEnv('VITE_SUPABASE_URL', 'http://project.test');
  vi.stubEnv('VITE_SUPABASE_PUBLISHABLE_KEY', 'publishable');
  vi.stubEnv('VITE_SUPABASE_REALTIME', 'off');
});

afterEach(() => {
  vi.useRealTimers();
  cleanup();
  navigate('/');
});

const AT = '2026-11-25T12:00:00Z';
const ID = '00000000-0000-4000-8000-000000000003';
const delivery = {
  id: '1',
  event_id: 'event',
  job_id: 'job',
  report_type: 'org',
  report_id: ID,
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
const entry = {
  id: ID,
  created_at: AT,
  direction: 'out',
  endpoint_id: 'final-report',
  endpoint: null,
  outcome: 'failed',
  response_status: 502,
  report_type: 'org',
  report_id: ID,
  job_id: 'job',
  event_id: 'event',
  attempt_number: 1,
  duration_ms: 12,
  error_message: null,
  actor: null,
};
const pages = [
  { name: 'deliveries', View: FailedDeliveries, row: delivery, nothing: 'No delivery matches' },
  { name: 'the audit log', View: AuditLog, row: entry, nothing: 'No entry matches' },
];
const page = (rows: object[], next: object | null = null) =>
  Response.json({ rows, next, total: { count: rows.length, capped: false } });

/** What a view shows beside its list. */
const BESIDE: Record<string, object> = {
  delivery_causes: { causes: [], truncated: false },
  list_plans: { rows: [], next: null },
  console_status: {
    as_of: '2026-11-25T12:00:00Z',
    endpoints: [],
    dead: 0,
    jobs: { overdue: 0, oldest: null },
    alerts: { evaluated_at: null, firing: [] },
    backlog: { due: 0, confirmed: 0 },
    last_sweep: null,
  },
  list_actors: [],
};

/** A network whose answers to the list come when they are told to. */
function heldNetwork() {
  const asked: ((answer: Response) => void)[] = [];
  const network: Network = (url) => {
    const beside = BESIDE[url.pathname.split('/').at(-1) ?? ''];
    if (beside !== undefined) return Promise.resolve(Response.json(beside));
    return new Promise<Response>((resolve) => asked.push(resolve));
  };
  async function answer(response: Response): Promise<void> {
    await vi.waitFor(() => expect(asked).toHaveLength(1), 10_000);
    asked.splice(0)[0]?.(response);
  }
  return { network, answer };
}

it.each(pages)(
  'shows what another filter of $name found as former, without its count',
  async ({ View, row, nothing }) => {
    const { network, answer } = heldNetwork();
    renderSignedIn(browserClient(network), <View />);
    await answer(page([row]));
    const table = await screen.findByRole('table');
    expect(table.closest('[aria-busy=true]')).toBeNull();

    act(() => navigate('/?error=first&search=first'));
    expect(screen.getByRole('table').closest('[aria-busy=true]')).not.toBeNull();
    expect(screen.queryByRole('heading', { name: /, 1$/ })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Retry all 1' })).toBeNull();
    await answer(page([]));
    expect(await screen.findByText(nothing)).toBeDefined();

    act(() => navigate('/?error=second&search=second'));
    expect(screen.queryByText(nothing)).toBeNull();
    expect(screen.getByText(/^Loading/)).toBeDefined();
    await answer(page([row]));
    const found = await screen.findByRole('table');
    expect(found.closest('[aria-busy=true]')).toBeNull();
  },
);

it.each(pages)(
  'shows how old the beginning of $name is, whatever was read below it since',
  async ({ View, row }) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(AT) });
    const { network, answer } = heldNetwork();
    renderSignedIn(browserClient(network), <View />);
    await answer(page([row], { at: AT, id: '1' }));
    const more = await screen.findByRole('button', { name: 'Show more' });
    const age = () => screen.getByText(/^Updated/).querySelector('time')?.dateTime;
    expect(age()).toMatch(/T12:00:/);
    vi.setSystemTime(new Date('2026-11-25T12:05:00Z'));
    fireEvent.click(more);
    await answer(page([]));
    await vi.waitFor(() => expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull(), 10_000);
    expect(age()).toMatch(/T12:00:/);
  },
);
