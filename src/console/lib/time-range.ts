import { z } from 'zod';
import type { Zone } from './times.ts';
import { isoTime } from '../../contracts/paging.ts';

const HOUR_MS = 3_600_000;

export const SINCE = {
  quarter: { label: 'Last 15 minutes', ms: HOUR_MS / 4 },
  hour: { label: 'Last hour', ms: HOUR_MS },
  day: { label: 'Last day', ms: 24 * HOUR_MS },
  week: { label: 'Last week', ms: 7 * 24 * HOUR_MS },
} as const;
export type Since = keyof typeof SINCE;

/**
 * A view's time filter in the URL: the last hour (day, week), or between two times, each of which may be missing. `between`
 * is said while that is chosen, even with neither.
 */
export const timeRangeFields = {
  since: z.enum(['quarter', 'hour', 'day', 'week', 'between']).optional().catch(undefined),
  after: isoTime.optional().catch(undefined),
  before: isoTime.optional().catch(undefined),
};

export interface TimeRange {
  since?: Since | 'between' | undefined;
  after?: string | undefined;
  before?: string | undefined;
}

/** The times to ask for. The last hour (day, week) moves with the clock, and goes before two times. */
export function rangeOf(
  { since, after, before }: TimeRange,
  nowMs: number,
): { after?: string | undefined; before?: string | undefined } {
  if (since === undefined || since === 'between') return { after, before };
  return { after: new Date(nowMs - SINCE[since].ms).toISOString() };
}

/** For `<input type="datetime-local">`, which has a time in the chosen zone and no offset. */
export function toLocalInput(iso: string | undefined, zone: Zone): string {
  if (iso === undefined) return '';
  const time = new Date(iso);
  if (zone === 'utc') return time.toISOString().slice(0, 16);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${String(time.getFullYear()).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** ISO 8601 of what such an input holds; undefined while it is empty or half typed. */
export function fromLocalInput(value: string, zone: Zone): string | undefined {
  const time = new Date(zone === 'utc' ? `${value}Z` : value);
  return value === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** An address as it is to be handed on: a range that moves with the clock is pinned to the times that it has now. */
export function pinnedAddress(address: string, nowMs: number): string {
  const url = new URL(address);
  const since = timeRangeFields.since.parse(url.searchParams.get('since') ?? undefined);
  if (since === undefined || since === 'between') return address;
  url.searchParams.set('since', 'between');
  url.searchParams.set('after', new Date(nowMs - SINCE[since].ms).toISOString());
  url.searchParams.set('before', new Date(nowMs).toISOString());
  return url.href;
}
