import { describe, expect, it } from 'vitest';
import { verdictOf, type Part } from '../../src/console/lib/verdict.ts';
import type { ConsoleStatus, EndpointStatus } from '../../src/contracts/console-status.ts';

const NOW = '2026-11-25T12:00:00Z';
const at = (minutes: number) => new Date(Date.parse(NOW) - minutes * 60_000).toISOString();

const endpoint = (change: Partial<EndpointStatus> = {}): EndpointStatus => ({
  endpoint_id: 'prelim-report',
  circuit: 'closed',
  opened_at: null,
  probe_after: null,
  last_success: at(1),
  last_failure: null,
  failing_since: null,
  healthy_since: null,
  recent: 10,
  recent_failed: 0,
  waiting: 0,
  next_attempt: null,
  ...change,
});

function say(change: Partial<ConsoleStatus> = {}) {
  const { tone, title, details, href } = verdictOf({
    as_of: NOW,
    endpoints: [endpoint()],
    dead: 0,
    jobs: { overdue: 0, oldest: null },
    alerts: { evaluated_at: at(0.5), firing: [] },
    backlog: { due: 0, confirmed: 0 },
    last_sweep: at(0.5),
    ...change,
  });
  const words = (parts: Part[]) =>
    parts
      .map((part) =>
        typeof part === 'string' ? part : `${(Date.parse(NOW) - Date.parse(part.at)) / 60_000} min`,
      )
      .join('');
  return { tone, title: words(title), details: details.map(words), href };
}

describe('the verdict', () => {
  it('is that all is well, since the last failure was followed by a success', () => {
    expect(say()).toEqual({ tone: 'good', title: 'Healthy', details: ['Last success 1 min.'], href: null });
    expect(
      say({ endpoints: [endpoint({ last_failure: at(70), healthy_since: at(60), waiting: 2 })] }),
    ).toMatchObject({
      title: 'Healthy, recovered 60 min',
      details: ['Last success 1 min.', '2 deliveries wait for the next attempt.'],
    });
    expect(say({ endpoints: [endpoint({ last_success: null })] }).title).toBe('Nothing has been sent yet');
  });

  it('is about our own endpoints: a subscriber that is down has its own view and alerts', () => {
    const down = endpoint({ endpoint_id: 'ep-0123456789abcdef', circuit: 'open', opened_at: at(5) });
    expect(say({ endpoints: [endpoint(), down] })).toEqual(say({ endpoints: [endpoint()] }));
  });

  it('is what fires, worst first, where nothing else is wrong', () => {
    const fires = (severity: 'critical' | 'warning', minutes: number) => ({
      id: '00000000-0000-4000-8000-000000000001',
      rule: 'secret_age',
      subject: '',
      severity,
      fired_at: at(minutes),
    });
    const alertsOf = (...firing: ReturnType<typeof fires>[]) => ({
      alerts: { evaluated_at: at(0.5), firing },
    });
    expect(say(alertsOf(fires('warning', 3), fires('warning', 5)))).toEqual({
      tone: 'warn',
      title: '2 alerts are firing: the oldest fired 5 min',
      details: [],
      href: '/alerts',
    });
    expect(say({ ...alertsOf(fires('critical', 3)), dead: 1 })).toMatchObject({
      tone: 'bad',
      title: '1 alert is firing: it fired 3 min',
      details: ['1 dead letter waits for an operator.'],
    });
    expect(say({ ...alertsOf(fires('warning', 3)), dead: 1 })).toMatchObject({
      tone: 'warn',
      href: '/deliveries?status=dead',
      details: ['Fix the cause, then redrive.', '1 alert is firing: it fired 3 min.'],
    });
  });

  it('names the endpoint that is down, since when, what waits, and what comes next', () => {
    const down = endpoint({
      circuit: 'open',
      opened_at: at(9),
      probe_after: at(-0.5),
      last_success: at(12),
      last_failure: at(1),
      failing_since: at(10),
      waiting: 1001,
    });
    expect(say({ endpoints: [endpoint({ endpoint_id: 'final-report' }), down] })).toEqual({
      tone: 'bad',
      title: 'prelim-report is down, first failure 10 min',
      details: [
        'Last success 12 min.',
        'More than 1,000 deliveries wait; every applied result is already in its report.',
        'Next: a probe -0.5 min.',
      ],
      href: '/deliveries?endpoint=prelim-report',
    });
  });

  it('says that an endpoint is failing before its circuit opens, and no more once it has recovered', () => {
    const failing = { last_success: at(5), last_failure: at(2), failing_since: at(3), next_attempt: at(-1) };
    expect(say({ endpoints: [endpoint(failing)] })).toMatchObject({
      tone: 'bad',
      title: 'prelim-report is failing, first failure 3 min',
      details: ['Last success 5 min.', 'Next attempt -1 min.'],
    });
    expect(say({ endpoints: [endpoint({ ...failing, last_success: at(1) })] }).tone).toBe('good');
    const never = endpoint({ last_success: null, last_failure: at(2) });
    expect(say({ endpoints: [never] })).toMatchObject({
      title: 'prelim-report is failing, last failure 2 min',
      details: ['No success on record.'],
    });
  });

  it.each<[Partial<ConsoleStatus>, string, string, string | null]>([
    [{ last_sweep: at(5) }, 'bad', 'The last sweep ran 5 min', null],
    [{ last_sweep: null }, 'bad', 'No sweep has run yet', null],
    [
      { endpoints: [endpoint({ recent: 10, recent_failed: 1 })] },
      'warn',
      '1 of 10 attempts to prelim-report failed in 5 minutes',
      // Of the ranges of a list, the shortest that has all of them.
      '/audit?direction=out&outcome=failed&since=quarter',
    ],
    [
      { jobs: { overdue: 1, oldest: at(4) } },
      'warn',
      '1 job is overdue: it was due 4 min',
      '/jobs?state=overdue',
    ],
    [{ dead: 3 }, 'warn', '3 dead letters wait for an operator', '/deliveries?status=dead'],
  ])('of %o is %s: %s', (change, tone, title, href) => {
    expect(say(change)).toMatchObject({ tone, title, href });
  });

  it('begins with the worst, and leaves out nothing', () => {
    const all = say({
      dead: 1,
      last_sweep: at(5),
      endpoints: [endpoint({ circuit: 'half_open', opened_at: at(9) })],
    });
    expect(all.title).toBe('prelim-report is down, circuit opened 9 min');
    expect(all.details.slice(-2)).toEqual([
      'The last sweep ran 5 min.',
      '1 dead letter waits for an operator.',
    ]);
  });
});
