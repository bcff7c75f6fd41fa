import { problemOf } from '../../src/contracts/problem.ts';
import type { Answer, ServiceError } from '../../src/services/answer.ts';
import { WrongUse } from '../local/wrong-use.ts';

const SESSION_OVER = 'The session is over. Sign in again: npm run polaris -- sign-in EMAIL.';
const NO_OPERATOR = 'The account that is signed in is not, or no longer, an operator of this project.';

export const UNREACHABLE =
  'The server cannot be reached. Check the network, and the addresses of your sign-in (SUPABASE_URL, WEBHOOK_BASE_URL).';

/** What happened and what to do, for codes where that is clearer than the message of the answer. */
const BY_CODE: Readonly<Record<string, string>> = {
  unauthorized: SESSION_OVER,
  PGRST301: SESSION_OVER,
  PGRST303: SESSION_OVER,
  bad_jwt: SESSION_OVER,
  session_not_found: SESSION_OVER,
  forbidden: NO_OPERATOR,
  '42501': NO_OPERATOR,
  unreachable: UNREACHABLE,
  database_unavailable:
    'The database is unavailable. Try again in a moment; npm run polaris -- probe says more.',
  endpoint_not_found: 'The subscriber does not exist. npm run polaris -- endpoints lists them.',
  endpoint_unverified:
    'This subscriber has not passed a check yet. Check it first: npm run polaris -- endpoints check ID.',
  plan_not_found: 'There is no such replay. npm run polaris -- replay list shows them.',
};

/** The session or the account is not accepted, so further calls would be refused too. */
export class NotSignedIn extends Error {}

/**
 * Returns the data of an answer.
 * @throws {WrongUse} if the input does not match its schema; no request was sent
 * @throws {NotSignedIn}
 * @throws {Error} with what happened and what to do, for the operator
 */
export async function answered<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error } = await answer;
  if (error === null) return data;
  const failure = describeFailure(error);
  if (error.code === 'invalid_input') throw new WrongUse(failure);
  throw failure === SESSION_OVER || failure === NO_OPERATOR ? new NotSignedIn(failure) : new Error(failure);
}

export function describeFailure({ code, message, details, issues = [] }: ServiceError): string {
  const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
  if (known !== undefined) return known;
  if (code === 'unexpected_answer') {
    return `${message} Check WEBHOOK_BASE_URL, and that the deployment has the version of this checkout.`;
  }
  return [
    `${message.replace(/\.$/, '')}.`,
    // Only for our own codes: the database's details may contain internals.
    ...(details !== undefined && problemOf(code) !== undefined ? [details] : []),
    ...issues.map(({ path, message: fault }) => `${path || 'arguments'}: ${fault}.`),
  ].join(' ');
}
