import { THRESHOLDS, type Traffic } from '../../../contracts/console-statistics.ts';

/** Where figures call for a person. Without a figure there is nothing to call for. */
export function isRateLow({ success_rate }: Pick<Traffic, 'success_rate'>): boolean {
  return success_rate !== null && success_rate < THRESHOLDS.successRate;
}

export function isSlow(ms: number | null): boolean {
  return ms !== null && ms > THRESHOLDS.latencyMs;
}

export function isQueueLong(depth: number): boolean {
  return depth > THRESHOLDS.queueDepth;
}
