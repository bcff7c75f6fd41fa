import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeDistance } from '../../src/console/lib/describe-distance.ts';
import { RelativeTime } from '../../src/console/ui/relative-time.tsx';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

it.each([
  [0, 'now'],
  [-4999, 'now'],
  [4999, 'now'],
  [-5 * SECOND, '5s ago'],
  [-59_999, '59s ago'],
  [-MINUTE, '1m ago'],
  [-(HOUR - 1), '59m ago'],
  [-HOUR, '1h ago'],
  [-36 * HOUR, '1d ago'],
  [-400 * DAY, '400d ago'],
  [30 * SECOND, 'in 30s'],
  [10 * MINUTE, 'in 10m'],
  [6 * HOUR, 'in 6h'],
])('says %i ms as %s', (distanceMs, words) => {
  expect(describeDistance(distanceMs).replaceAll('\u00A0', ' ')).toBe(words);
});

beforeEach(() => vi.useFakeTimers({ now: Date.parse('2026-11-25T12:00:00Z') }));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it('shows how long ago, the exact time on hover, and moves on by itself', () => {
  render(<RelativeTime value="2026-11-25T11:59:00.123456+00:00" />);
  const time = screen.getByRole('time');
  expect(time.textContent).toBe('59s ago');
  expect(time.getAttribute('datetime')).toBe('2026-11-25T11:59:00.123456+00:00');
  expect(time.title).toMatch(/2026/);
  expect(time.title).toMatch(/59:00/);
  act(() => {
    vi.advanceTimersByTime(2 * MINUTE);
  });
  expect(time.textContent).toBe('2m ago');
});

it('stands while the tab is hidden', () => {
  render(<RelativeTime value="2026-11-25T11:59:00Z" />);
  const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  act(() => {
    vi.advanceTimersByTime(10 * MINUTE);
  });
  expect(screen.getByText('1m ago')).toBeDefined();
  hidden.mockRestore();
});
