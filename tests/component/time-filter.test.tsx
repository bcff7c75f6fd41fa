import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { TimeFilter } from '../../src/console/ui/time-filter.tsx';
import { fromLocalInput, rangeOf, timeRangeFields, toLocalInput } from '../../src/console/lib/time-range.ts';
import { useSearch } from '../../src/console/lib/use-search.ts';

beforeEach(() => {
  vi.stubEnv('TZ', 'Europe/Berlin');
  history.replaceState(null, '', '/audit');
});
afterEach(() => {
  cleanup();
  vi.unstubAllEnvs();
});

const view = z.object(timeRangeFields);
function Host() {
  const [range, change] = useSearch(view);
  return <TimeFilter label="When" range={range} onChange={change} />;
}

const input = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const query = () => Object.fromEntries(new URLSearchParams(location.search));
/** A browser tells of every segment that makes the time a whole one, so also of the first digit of a year. */
const type = (label: string, value: string) => fireEvent.change(input(label), { target: { value } });

function openBetween(): void {
  render(<Host />);
  fireEvent.change(screen.getByLabelText('When'), { target: { value: 'between' } });
}

it.each(['0002-05-01T00:00', '1893-03-31T23:59', '2026-07-01T09:30', '2026-12-01T09:30'])(
  'keeps %s through the address and back, whatever the offset of that day',
  (local) => {
    expect(new Date(0).getTimezoneOffset()).toBe(-60);
    expect(toLocalInput(fromLocalInput(local, 'local'), 'local')).toBe(local);
  },
);

it('keeps what is typed, and takes it when the input is left', () => {
  openBetween();
  const before = query();
  for (const year of ['0002', '0020', '0202']) {
    type('From', `${year}-05-01T00:00`);
    expect(input('From').value).toBe(`${year}-05-01T00:00`);
    expect(query()).toEqual(before);
  }
  type('From', '2026-05-01T00:00');
  fireEvent.blur(input('From'));
  expect(query()).toEqual({ since: 'between', after: '2026-04-30T22:00:00.000Z' });
  expect(input('From').value).toBe('2026-05-01T00:00');
});

it('takes it with Enter, and a time that is not valid not at all', () => {
  openBetween();
  const before = query();
  type('From', '0002-05-01T00:00');
  fireEvent.keyDown(input('From'), { key: 'Enter' });
  expect(query()).toEqual(before);
  expect(input('From').value).toBe('0002-05-01T00:00');
  expect(screen.getByText('The time is incomplete.')).toBeDefined();
  type('From', '2026-05-01T00:00');
  fireEvent.keyDown(input('From'), { key: 'Enter' });
  expect(query()['after']).toBe('2026-04-30T22:00:00.000Z');
  expect(screen.queryByText('The time is incomplete.')).toBeNull();
});

it('stays with both times empty, until another is chosen', () => {
  openBetween();
  const from = input('From');
  from.focus();
  type('From', '');
  fireEvent.keyDown(from, { key: 'Enter' });
  expect(query()).toEqual({ since: 'between' });
  expect(document.activeElement).toBe(from);
  fireEvent.change(screen.getByLabelText('When'), { target: { value: '' } });
  expect(query()).toEqual({});
  expect(screen.queryByLabelText('From')).toBeNull();
});

it('adds one entry to the history for the choice, and none for what is typed', () => {
  const start = history.length;
  openBetween();
  for (const day of ['01', '02', '03']) {
    type('To', `2026-05-${day}T00:00`);
    fireEvent.blur(input('To'));
  }
  expect(query()['before']).toBe('2026-05-02T22:00:00.000Z');
  expect(history.length).toBe(start + 1);
});

it('opens a link that has times alone', () => {
  history.replaceState(null, '', '/audit?after=2026-04-30T22:00:00.000Z');
  render(<Host />);
  expect(input('From').value).toBe('2026-05-01T00:00');
  expect(rangeOf({ since: 'between', after: 'x' }, 0)).toEqual({ after: 'x', before: undefined });
});
