const counts = new Intl.NumberFormat('en');
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `12,345`. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** A share of 0 to 1 as `98.4 %`, rounded down: what is not whole never reads as 100 %. */
export function formatShare(share: number | null): string {
  return share === null ? '–' : `${tenths.format(Math.floor(share * 1000) / 10)} %`;
}

/** Milliseconds as `340 ms`, or from a second on as `2.4 s`. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1000 ? `${counts.format(Math.round(ms))} ms` : `${tenths.format(ms / 1000)} s`;
}

/** One is `1 delivery`, more are `2 deliveries`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
