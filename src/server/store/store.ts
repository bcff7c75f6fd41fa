import type { z } from 'zod';
import type { RateRefusal } from '../../contracts/rate-limit.ts';
import type { Exactly, ParametersOf, PublicFunctions, SqlFunctions } from '../../contracts/sql-functions.ts';

/**
 * The database, as the server calls it. Every implementation passes `tests/integration/store/conformance.ts`.
 * `Functions` is generated from the SQL, so that a misspelled function or parameter does not compile.
 */
export interface Store<Functions extends SqlFunctions = PublicFunctions> {
  /**
   * Calls a SQL function and parses its answer: JSON, an array for a set, null for `void`.
   * @throws {SchemaMismatch} when the database has no function with this name and these parameters
   * @throws {RateLimited} when the function undid its work: while it ran, others had used a rate up (PT429)
   * @throws {DatabaseUnavailable} for every other failure: no answer, an error, an answer that `answer` rejects
   */
  rpc: <Name extends keyof Functions & string, Given extends ParametersOf<Functions, Name>, T>(
    name: Name,
    parameters: Exactly<ParametersOf<Functions, Name>, Given>,
    answer: z.ZodType<T>,
  ) => Promise<T>;
}

/**
 * No usable answer from Supabase. The outcome is unknown; the caller should retry. Where the database raised an error,
 * `cause.code` is its SQLSTATE.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
  readonly retryable = true;
}

/**
 * The database has no function with this name and these parameters: the versions of the schema and the functions differ.
 * Retryable as well, because a REST layer that has not read the schema yet gives the same answer.
 */
export class SchemaMismatch extends DatabaseUnavailable {
  override name = 'SchemaMismatch';

  constructor(functionName: string, options: ErrorOptions) {
    const what = `no SQL function ${functionName} has these parameters`;
    super(`the versions of the schema and the functions differ: ${what}`, options);
  }
}

/** The function rolled its work back, because other calls had used up the rate meanwhile. Not retryable before the given time. */
export class RateLimited extends Error {
  override name = 'RateLimited';
  readonly refusal: RateRefusal;

  constructor(refusal: RateRefusal) {
    super(`over the rate of its ${refusal.policy}`);
    this.refusal = refusal;
  }
}
