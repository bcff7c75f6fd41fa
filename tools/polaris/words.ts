import { formatCount } from '../../src/console/lib/format.ts';
import type { Part } from '../../src/console/lib/verdict.ts';
import { STATUS_COUNTED } from '../../src/contracts/console-status.ts';

/** A time in UTC, to the second: `2026-11-26 23:16:03Z`. */
export function formatTime(time: string | null): string {
  if (time === null) return 'never';
  return Number.isNaN(Date.parse(time))
    ? time
    : `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** A count of the status, which is counted only up to a limit: `12`, or `more than 1,000`. */
export function counted(count: number): string {
  return count > STATUS_COUNTED ? `more than ${formatCount(STATUS_COUNTED)}` : formatCount(count);
}

/** A sentence of the console, with its times formatted. */
export function sentence(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : formatTime(part.at))).join('');
}
