import type { Round } from './delivery.ts';

/** The interpretation of one attempt's result. */
export interface Meaning {
  result: Round['result'];
  outcome: Round['outcome'];
  /** Seconds, without an upper limit; only for 429 and 503. */
  retryAfterSeconds: number | null;
  error: string | null;
  /** The endpoint itself answered, below 500. Closes its circuit. */
  authentic: boolean;
}

export function success(outcome: Round['outcome']): Meaning {
  return { result: 'delivered', outcome, retryAfterSeconds: null, error: null, authentic: true };
}

export function failure(error: string): Meaning {
  return { result: 'failed', outcome: null, retryAfterSeconds: null, error, authentic: false };
}
