import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { hrefWith } from '../../src/console/views/audit/href-with.ts';
import { describeStep } from '../../src/console/ui/timeline-step.tsx';
import { FilterText } from '../../src/console/ui/filter-bar.tsx';
import { JsonView } from '../../src/console/ui/json-view.tsx';
import { fromLocalInput, rangeOf, toLocalInput } from '../../src/console/lib/time-range.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const NOW = Date.parse('2026-11-25T12:00:00Z');
const AT = '2026-11-25T12:00:00Z';

it('asks for the last hour by the clock, and for two times as they are', () => {
  expect(rangeOf({ since: 'hour' }, NOW)).toEqual({ after: '2026-11-25T11:00:00.000Z' });
  expect(rangeOf({ since: 'week', after: 'x', before: 'y' }, NOW)).toEqual({
    after: '2026-11-18T12:00:00.000Z',
  });
  expect(rangeOf({ after: AT }, NOW)).toEqual({ after: AT, before: undefined });
});

it('keeps a time through the input and back, and takes nothing from one half typed', () => {
  const iso = fromLocalInput('2026-07-01T09:30', 'local');
  expect(toLocalInput(iso, 'local')).toBe('2026-07-01T09:30');
  expect(fromLocalInput('', 'local')).toBeUndefined();
  expect(fromLocalInput('soon', 'utc')).toBeUndefined();
});

it('takes effect when the typing rests or the input is left, and shows what is in effect when that changes from outside', () => {
  const told: string[] = [];
  function Host() {
    const [value, setValue] = useState<string | undefined>('first');
    return (
      <>
        <FilterText
          label="Error contains"
          placeholder=""
          value={value}
          onChange={(next) => {
            told.push(next);
            setValue(next);
          }}
        />
        <button onClick={() => setValue(undefined)}>Clear</button>
      </>
    );
  }
  render(<Host />);
  const input = screen.getByLabelText<HTMLInputElement>('Error contains');
  fireEvent.change(input, { target: { value: 'answered ' } });
  fireEvent.change(input, { target: { value: 'answered 5' } });
  expect(told).toEqual([]);
  act(() => void vi.advanceTimersByTime(400));
  expect(told).toEqual(['answered 5']);
  fireEvent.change(input, { target: { value: 'half' } });
  fireEvent.blur(input);
  fireEvent.click(screen.getByText('Clear'));
  act(() => void vi.advanceTimersByTime(1000));
  expect(told).toEqual(['answered 5', 'half']);
  expect(input.value).toBe('');
});

it('shows stored values as text, with the marks that have no shape escaped', () => {
  render(<JsonView label="Answer" value={{ text: '<b>\u202egpj.exe\u200b</b>' }} />);
  const shown = screen.getByRole('region', { name: 'Answer' });
  expect(shown.querySelector('b')).toBeNull();
  expect(shown.textContent).toContain('<b>\\u{202e}gpj.exe\\u{200b}</b>');
  cleanup();
  render(<JsonView label="Answer" value={null} />);
  expect(screen.getByText('nothing stored')).toBeDefined();
});

it('keeps the filters in a link to a row', () => {
  const query = new URLSearchParams({ outcome: 'failed', row: 'a' });
  expect(hrefWith(query, { row: 'b', event: null })).toBe('/audit?outcome=failed&row=b');
  expect(query.get('row')).toBe('a');
});

const audited = { at: AT, audit_id: 'a', response_status: 502, duration_ms: 640, error: 'no' };

it.each([
  [{ kind: 'job_requested', at: AT, job_id: 'j', caller: 'pipeline' }, 'Job requested', 'idle'],
  [{ kind: 'job_started', at: AT, take_overs: 2 }, 'Job started', 'idle'],
  [{ kind: 'job_finished', at: AT, status: 'succeeded', error: null }, 'Job succeeded', 'good'],
  [{ kind: 'job_finished', at: AT, status: 'failed', error: 'x' }, 'Job failed', 'bad'],
  [{ kind: 'event_committed', at: AT, type: 't', digest: 'd' }, 'Event committed', 'good'],
  [{ kind: 'attempt', ...audited, outcome: 'failed', attempt_number: 3 }, 'Attempt 3: failed', 'bad'],
  [{ kind: 'attempt', ...audited, outcome: 'delivered', attempt_number: 1 }, 'Attempt 1: delivered', 'good'],
  [{ kind: 'attempt', ...audited, outcome: 'skipped', attempt_number: null }, 'Attempt skipped', 'idle'],
  [
    { kind: 'request', ...audited, outcome: 'event_conflict', body_bytes: 9 },
    'Request received: event conflict',
    'bad',
  ],
  [{ kind: 'retried', ...audited, outcome: 'delivery_failed', actor: 'x' }, 'Retried', 'bad'],
  [{ kind: 'redriven', at: AT, audit_id: 'a', actor: 'x' }, 'Redriven', 'idle'],
  [
    { kind: 'effect', at: AT, effect: 'applied', channel: 'direct', notified: true },
    'Applied by direct update, the fallback',
    'good',
  ],
  [
    { kind: 'effect', at: AT, effect: 'superseded', channel: 'webhook', notified: false },
    'Superseded by a newer result',
    'idle',
  ],
  [{ kind: 'dead_letter', at: AT, dead_reason: 'refused' }, 'Dead letter', 'bad'],
  [{ kind: 'dead_letter', at: AT, dead_reason: 'report_deleted' }, 'Dead letter', 'idle'],
  [{ kind: 'next_attempt', at: AT }, 'Next attempt', 'idle'],
] as const)('tells of %o', (step, title, tone) => {
  expect(describeStep(step)).toMatchObject({ title, tone });
});

it('does not repeat an answer as the error of its attempt', () => {
  const notesOf = (error: string) =>
    describeStep({ kind: 'attempt', ...audited, error, outcome: 'failed', attempt_number: 1 }).notes;
  expect(notesOf('answered 502')).toEqual(['answered 502 after 640 ms', null]);
  expect(notesOf('no webhook-id')).toEqual(['answered 502 after 640 ms', 'no webhook-id']);
});

it('asks for a person only where one can do something', () => {
  const notesOf = (dead_reason: string) => describeStep({ kind: 'dead_letter', at: AT, dead_reason }).notes;
  expect(notesOf('attempts_exhausted')).toEqual([
    'Attempts exhausted. The dead letter waits for an operator.',
  ]);
  expect(notesOf('report_deleted')).toEqual(['Report deleted: nothing is left to do.']);
});
