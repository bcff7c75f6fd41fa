import { rateRefusal, type RateRefusal } from '../../contracts/rate-limit.ts';

/** SQLSTATE that `apply_report_event` raises; its detail is the result of `private.rate_refusal()`. */
export const RATE_LIMITED_CODE = 'PT429';

/** The refusal in the detail of such an error; undefined: not one of ours. */
export function readRefusal(detail: string | undefined): RateRefusal | undefined {
  try {
    return rateRefusal.safeParse(JSON.parse(detail ?? '')).data;
  } catch {
    return undefined;
  }
}
