import { cleanup, fireEvent, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { HistoryTimeline } from '../../src/console/views/report/history-timeline.tsx';
import { commandOf } from '../../src/console/views/trace/page.tsx';
import { TraceTree } from '../../src/console/views/trace/trace-tree.tsx';
import { historyStep, type ReportHistory } from '../../src/contracts/console-report-history.ts';
import { describeSpan, formatSpan, treesOf } from '../../src/contracts/trace-tree.ts';
import type { TraceSpan } from '../../src/contracts/trace.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);

const ROW = '00000000-0000-4000-8000-000000000003';
const at = (second: number) => new Date(Date.UTC(2026, 10, 25, 12, 0, second)).toISOString();
const answer = { response_status: 502, duration_ms: 12, error: 'answered 502' };

function show(steps: unknown[], truncated = false) {
  const history: ReportHistory = {
    as_of: at(0),
    report: null,
    jobs: [],
    events: [],
    deliveries: [],
    steps: steps.map((step) => historyStep.parse(step)),
    truncated,
    circuits: [],
    last_sweep: null,
  };
  renderSignedIn(
    browserClient(() => Response.json([])),
    <HistoryTimeline history={history} />,
  );
}

describe('a report’s timeline', () => {
  it('says in order what happened, of which job, event and endpoint, and leads to the audit’s rows', () => {
    show([
      { kind: 'job_requested', at: at(1), job_id: 'job_prelim_is_long', stage: 'prelim', caller: 'pipeline' },
      { kind: 'job_action', at: at(2), audit_id: ROW, outcome: 'cancelled', actor: 'cron', job_id: 'job_p' },
      { kind: 'job_action', at: at(3), audit_id: ROW, outcome: 'strange_word', actor: null, job_id: 'job_p' },
      {
        kind: 'attempt',
        at: at(4),
        audit_id: ROW,
        outcome: 'failed',
        attempt_number: 1,
        ...answer,
        event_id: 'evt_final_is_long',
        endpoint_id: 'final-report',
      },
      {
        kind: 'next_attempt',
        at: at(50),
        event_id: 'evt_final',
        endpoint_id: 'final-report',
        stage: 'final',
      },
    ]);
    const steps = within(screen.getByRole('list', { name: 'Timeline' })).getAllByRole('listitem');
    expect(steps.map((step) => step.querySelector('span')?.textContent)).toEqual([
      'Job requested prelim · job_prelim_i',
      'Job cancelled by an operator job_p',
      'Job action: strange word job_p',
      'Attempt 1: failed final-report · evt_final_is',
      'Next attempt final-report · evt_final',
    ]);
    expect(steps[3]?.textContent).toContain('answered 502 after 12 ms');
    expect(screen.getByRole('link', { name: 'Attempt 1: failed' }).getAttribute('href')).toBe(
      `/audit?search=evt_final_is_long&event=evt_final_is_long&row=${ROW}`,
    );
  });

  it('folds the JSON away, and says that it is cut', () => {
    show([{ kind: 'job_started', at: at(1), take_overs: 1, job_id: 'j' }], true);
    expect(screen.getByText(/^There are more steps/)).toBeDefined();
    expect(screen.queryByText(/"take_overs"/)).toBeNull();
    const details = screen.getByText('As JSON').closest('details');
    details?.setAttribute('open', '');
    if (details !== null) fireEvent(details, new Event('toggle'));
    expect(screen.getByText(/"take_overs": 1/)).toBeDefined();
  });

  it('says that nothing happened yet', () => {
    show([]);
    expect(screen.getByText('Nothing yet')).toBeDefined();
  });
});

const span = (id: string, parent: string | null, change: Partial<TraceSpan> = {}): TraceSpan => ({
  id,
  parent,
  kind: 'job',
  started_at: at(0),
  ended_at: at(1),
  facts: {},
  ...change,
});
const SPANS = [
  span('job', null, { facts: { job_id: 'job_1', stage: 'final', status: 'succeeded' } }),
  span('event', 'job', { kind: 'event', facts: { event_id: 'evt_1', effect: 'applied', channel: 'direct' } }),
  span('attempt', 'event', {
    kind: 'attempt',
    started_at: at(1),
    ended_at: null,
    facts: { attempt: 1, endpoint_id: 'final-report', outcome: 'failed', error: 'refused', audit_id: ROW },
  }),
];

describe('a trace', () => {
  it('is a tree: job, event, attempts, each with its times and where it leads', () => {
    renderSignedIn(
      browserClient(() => Response.json([])),
      <TraceTree trace={{ trace_id: 't', started_at: at(0), spans: SPANS }} />,
    );
    const job = within(screen.getByRole('list', { name: 'Steps' })).getAllByRole('listitem')[0];
    expect(job?.querySelector(':scope > div')?.textContent).toBe(
      'job job_1 final succeeded+0 ms, took 1.0 s',
    );
    const attempt = job?.querySelector(':scope > ul > li > ul > li > div');
    expect(attempt?.textContent).toBe('attempt 1 to final-report no answer failed: refused+1.0 s, not over');
    expect(attempt?.querySelector('a')?.getAttribute('href')).toBe(`/audit?row=${ROW}`);
    const event = screen.getByRole('link', { name: 'event evt_1 applied by direct update' });
    expect(event.getAttribute('href')).toContain('event=evt_1');
  });

  it('begins anew with a step whose parent is not known, and with one that names itself', () => {
    const roots = treesOf([span('a', 'unknown'), span('b', 'b'), span('c', 'a')]);
    expect(roots.map(({ span: { id } }) => id)).toEqual(['a', 'b']);
    expect(roots[0]?.children.map(({ span: { id } }) => id)).toEqual(['c']);
  });

  it.each([
    [999.4, '999 ms'],
    [2400, '2.4 s'],
    [300_000, '5 min'],
  ])('says %d ms as %s', (ms, text) => expect(formatSpan(ms)).toBe(text));

  it('says that an open circuit spared an attempt', () => {
    expect(describeSpan(span('s', null, { kind: 'skipped', facts: { endpoint_id: 'final-report' } }))).toBe(
      'no attempt, since the circuit was open final-report',
    );
  });

  it.each([
    ['evt_1-a', 'npm run polaris -- trace evt_1-a'],
    ["it's; rm", `npm run polaris -- trace 'it'\\''s; rm'`],
  ])('has a command that a shell takes for %s', (id, command) => expect(commandOf(id)).toBe(command));
});
