import { cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { formatDuration, formatShare, plural } from '../../src/console/lib/format.ts';
import { Breakdowns } from '../../src/console/views/monitor/breakdowns.tsx';
import { isQueueLong, isRateLow, isSlow } from '../../src/console/views/monitor/crossings.ts';
import { Figures, JobFigures } from '../../src/console/views/monitor/figures.tsx';
import { SeriesTable } from '../../src/console/views/monitor/series-table.tsx';
import type { Traffic, WebhookStatistics } from '../../src/contracts/console-statistics.ts';

afterEach(cleanup);

const nothing: Traffic = {
  total: 0,
  succeeded: 0,
  failed: 0,
  reported_failures: 0,
  success_rate: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
};

function statistics(change: Partial<WebhookStatistics> = {}): WebhookStatistics {
  return {
    window: 'hour',
    as_of: '2026-11-25T12:00:00Z',
    from: '2026-11-25T11:00:00Z',
    to: '2026-11-25T12:00:00Z',
    bucket_seconds: 60,
    sent: { ...nothing, skipped: 0 },
    received: nothing,
    series: [],
    by_outcome: [],
    by_status: { pending: 0, sent: 0, retrying: 0, failed: 0, dead: 0, success: 0 },
    by_report_type: [],
    queue: { depth: 0, due: 0, oldest_waiting: null },
    circuits: [],
    jobs: { running: 0, waiting: 0, overdue: 0, oldest: null, failed: 0, cancelled: 0, taken_over: 0 },
    rolled_up_until: null,
    ...change,
  };
}

const figure = (name: RegExp) =>
  screen.getAllByRole('listitem').find((item) => name.test(item.textContent)) ?? document.body;
const isMarked = (name: RegExp) => figure(name).dataset['crossed'] === 'true';

it.each([
  [null, false],
  [1, false],
  [0.95, false],
  [0.9499, true],
  [0, true],
])('a success rate of %s is low: %s', (success_rate, isLow) => {
  expect(isRateLow({ success_rate })).toBe(isLow);
});

it.each([
  [null, false],
  [2000, false],
  [2000.1, true],
])('%s ms are slow: %s', (ms, expected) => {
  expect(isSlow(ms)).toBe(expected);
});

it.each([
  [100, false],
  [101, true],
])('%i waiting deliveries are many: %s', (depth, expected) => {
  expect(isQueueLong(depth)).toBe(expected);
});

it('rounds down: what is not whole is never 100 %', () => {
  expect([formatShare(1), formatShare(0.9999), formatShare(0.9499), formatShare(null)]).toEqual([
    '100.0 %',
    '99.9 %',
    '94.9 %',
    '–',
  ]);
  expect([formatDuration(340.4), formatDuration(999.4), formatDuration(2449), formatDuration(null)]).toEqual([
    '340 ms',
    '999 ms',
    '2.4 s',
    '–',
  ]);
  expect([plural(1, 'delivery', 'deliveries'), plural(1234, 'delivery', 'deliveries')]).toEqual([
    '1 delivery',
    '1,234 deliveries',
  ]);
});

it('marks nothing while all is well', () => {
  render(
    <Figures
      traffic="sent"
      statistics={statistics({
        sent: {
          ...nothing,
          total: 200,
          succeeded: 200,
          success_rate: 1,
          p50_ms: 20,
          p95_ms: 80,
          p99_ms: 1999,
          skipped: 0,
        },
        queue: { depth: 100, due: 3, oldest_waiting: null },
      })}
    />,
  );
  for (const item of screen.getAllByRole('listitem')) expect(item.dataset['crossed']).toBe('false');
});

it('marks each limit where it is crossed, and says so in words', () => {
  render(
    <Figures
      traffic="sent"
      statistics={statistics({
        sent: {
          ...nothing,
          total: 100,
          succeeded: 90,
          failed: 10,
          success_rate: 0.9,
          p50_ms: 20,
          p95_ms: 900,
          p99_ms: 2500,
          skipped: 7,
        },
        queue: { depth: 101, due: 100, oldest_waiting: '2026-11-25T11:00:00Z' },
        by_status: { pending: 0, sent: 0, retrying: 0, failed: 0, dead: 4, success: 0 },
      })}
    />,
  );
  expect(isMarked(/Success rate/)).toBe(true);
  expect(figure(/Success rate/).textContent).toContain('under 95 %');
  expect(isMarked(/Latency/)).toBe(true);
  // The figure in large is another percentile, and not marked.
  expect(figure(/Latency/).textContent).toContain('p99 over 2 s');
  expect(within(figure(/Latency/)).getByText('900 ms').dataset['crossed']).toBe('false');
  expect(isMarked(/Queue/)).toBe(true);
  expect(figure(/Queue/).textContent).toContain('over 100');
  expect(isMarked(/Dead letters/)).toBe(true);
  expect(isMarked(/Attempts/)).toBe(false);
  expect(figure(/^Attempts/).textContent).toContain('7 skipped');
});

it('counts the news of a failed generation as neither success nor failure', () => {
  const sent = { ...nothing, total: 10, succeeded: 7, reported_failures: 3, success_rate: 1, skipped: 0 };
  render(<Figures traffic="sent" statistics={statistics({ sent })} />);
  expect(isMarked(/Success rate/)).toBe(false);
  expect(figure(/Success rate/).textContent).toContain('100.0 %');
  expect(figure(/Success rate/).textContent).toContain(
    '0 of 10 failed; the rate leaves out 3 failed generations',
  );
});

it('shows how jobs fare, marks what calls for a person, and leads to the jobs that it counts', () => {
  const jobs = { running: 4, waiting: 2, overdue: 1, failed: 3, cancelled: 5, taken_over: 6 };
  render(
    <JobFigures
      statistics={statistics({ window: 'day', jobs: { ...jobs, oldest: '2026-11-25T11:00:00Z' } })}
    />,
  );
  for (const [name, value, href, isCrossed] of [
    [/Jobs running/, '4', '/jobs?state=running', false],
    [/Jobs overdue/, '1', '/jobs?state=overdue', true],
    [/Jobs failed/, '3', '/jobs?state=failed&since=day', true],
    [/Jobs taken over/, '6', '/jobs?state=taken_over', false],
  ] as const) {
    expect(within(figure(name)).getByText(value)).toBeTruthy();
    expect(isMarked(name)).toBe(isCrossed);
    expect(within(figure(name)).getAllByRole('link')[0]?.getAttribute('href')).toBe(href);
  }
  expect(figure(/Jobs running/).textContent).toContain('2 wait for the pipeline');
});

it('leads from the figures between two times to the rows of that time', () => {
  const jobs = { running: 0, waiting: 0, overdue: 0, failed: 3, cancelled: 0, taken_over: 0, oldest: null };
  const given = statistics({ window: null, jobs });
  const time = 'since=between&after=2026-11-25T11%3A00%3A00Z&before=2026-11-25T12%3A00%3A00Z';
  render(
    <>
      <JobFigures statistics={given} />
      <Breakdowns statistics={given} />
    </>,
  );
  const href = (name: string) => screen.getByRole('link', { name }).getAttribute('href');
  expect(href('Failed jobs')).toBe(`/jobs?state=failed&${time}`);
  expect(href('success')).toBe(`/audit?outcome=delivered&direction=out&${time}`);
  expect(figure(/Jobs failed/).textContent).toContain('in this time');
});

it('marks no job figure while all is well', () => {
  render(<JobFigures statistics={statistics()} />);
  for (const item of screen.getAllByRole('listitem')) expect(item.dataset['crossed']).toBe('false');
});

it('shows the side of the traffic that was asked for, also as a table', () => {
  const bucket = {
    at: '2026-11-25T11:30:00Z',
    sent: { ...nothing, total: 4, succeeded: 3, failed: 1, success_rate: 0.75, skipped: 0 },
    received: { ...nothing, total: 9, succeeded: 7, reported_failures: 2, success_rate: 1 },
  };
  const empty = { at: '2026-11-25T11:31:00Z', sent: { ...nothing, skipped: 0 }, received: nothing };
  const given = statistics({ series: [bucket, empty], sent: bucket.sent, received: bucket.received });
  const { rerender } = render(<SeriesTable statistics={given} traffic="sent" />);
  const cells = () => screen.getAllByRole('cell', { hidden: true }).map((cell) => cell.textContent);
  expect(cells().slice(1, 5)).toEqual(['4', '1', '0', '75.0 %']);
  rerender(<SeriesTable statistics={given} traffic="received" />);
  expect(cells().slice(1, 5)).toEqual(['9', '0', '2', '100.0 %']);
  // Buckets without traffic are left out.
  expect(cells()).toHaveLength(8);
});

it('leads from a count of the window to the log of that window, and says what the log has beside it', () => {
  const { rerender } = render(
    <Breakdowns
      statistics={statistics({
        window: 'week',
        by_outcome: [
          { direction: 'out', outcome: 'failed', count: 3, reported_failures: 0 },
          { direction: 'in', outcome: 'applied', count: 2, reported_failures: 0 },
        ],
      })}
    />,
  );
  const href = (name: string) => screen.getByRole('link', { name }).getAttribute('href');
  expect(href('success')).toBe('/audit?outcome=delivered&direction=out&since=week');
  expect(href('applied')).toBe('/audit?outcome=applied&direction=in&since=week');
  expect(screen.getAllByRole('link', { name: 'failed' }).map((link) => link.getAttribute('href'))).toEqual([
    '/deliveries?status=failed',
    '/audit?outcome=failed&direction=out&since=week',
  ]);
  expect(screen.getByText(/The audit log also has requests of operators and the cron/)).toBeDefined();
  rerender(
    <Breakdowns
      statistics={statistics({
        by_outcome: [{ direction: 'out', outcome: 'failed', count: 3, reported_failures: 0 }],
      })}
    />,
  );
  expect(screen.queryByText(/The audit log also has/)).toBeNull();
});
