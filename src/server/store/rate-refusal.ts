import { rateRefusal, type RateRefusal } from '../../contracts/rate-limit.ts';

/** SQLSTATE that `apply_report_event` raises; its detail is what `private.rate_refusal()` says. */
export const RATE_LIMITED_CODE = 'PT429';

/** What the detail of such an error says; undefined: it is no refusal of ours. */
export function readRefusal(detail: string | undefined): RateRefusal | undefined {
  try {
    return rateRefusal.safeParse(JSON.parse(detail ?? '')).data;
  } catch {
    return undefined;
  }
}
