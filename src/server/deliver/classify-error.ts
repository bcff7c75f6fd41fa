import type { CallTrace } from '../http/call-trace.ts';
import { isTimeout, neverConnects, refusalOf, whyLost, whyNotConnected } from './connection-words.ts';
import { failure, type Meaning } from './meaning.ts';

/** How far a call got. */
type Came = Pick<CallTrace, 'hasRequest' | 'hasLeft' | 'status'>;

/** For a `fetch` that is not Node's, only the error is known. */
const UNTRACED: Came = { hasRequest: false, hasLeft: false, status: null };

interface Failed extends Meaning {
  timedOut: boolean;
  /** Status of an answer that fetch does not return. */
  status: number | null;
}

/**
 * What it means that a call ended without an answer:
 *
 * | how far it came                                            | meaning                                   |
 * | ---------------------------------------------------------- | ----------------------------------------- |
 * | fetch refused the address, or no connection was made       | `failed`: it certainly never left         |
 * | the request may have left, and no answer came that is HTTP | `unknown`: it may have arrived            |
 * | an answer came that fetch keeps to itself: 407             | `failed`, with its status                 |
 */
export function classifyError(error: unknown, came: Came = UNTRACED): Failed {
  return { ...meaningOf(error, came), timedOut: isTimeout(error), status: came.status };
}

function meaningOf(error: unknown, { hasRequest, hasLeft, status }: Came): Meaning {
  if (status === 407) return failure('answered 407: a proxy asks for credentials');
  if (status !== null) return { ...failure(`answered ${status}: ${whyLost(error)}`), result: 'unknown' };
  const refusal = hasRequest ? undefined : refusalOf(error);
  if (refusal !== undefined) return failure(`not sent: ${refusal}`);
  if (!hasLeft && (hasRequest || neverConnects(error))) return failure(`not sent: ${whyNotConnected(error)}`);
  return { ...failure(`no answer: ${whyLost(error)}`), result: 'unknown' };
}
