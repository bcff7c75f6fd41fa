import type { Part } from '../../src/console/lib/verdict.ts';

/** A time in UTC, to the second: `2026-11-26 23:16:03Z`. */
export function formatTime(time: string | null): string {
  if (time === null) return 'never';
  return Number.isNaN(Date.parse(time))
    ? time
    : `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** A sentence of the console, with its times formatted. */
export function sentence(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : formatTime(part.at))).join('');
}
