const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];
const MOMENT_MS = 5_000;
const format = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' });

/** A distance in milliseconds in words, rounded toward now: `3m ago`, `in 2h`; `now` within five seconds. */
export function describeDistance(distanceMs: number): string {
  if (Math.abs(distanceMs) < MOMENT_MS) return 'now';
  for (const [unit, sizeMs] of UNITS) {
    if (Math.abs(distanceMs) >= sizeMs) return format.format(Math.trunc(distanceMs / sizeMs), unit);
  }
  return 'now';
}
