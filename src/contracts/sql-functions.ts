import type { Database } from './database.types.ts';

/** The shape of `Database[…]['Functions']`: parameters by SQL function. */
export type SqlFunctions = Record<string, { Args: object }>;

/** The SQL functions that the REST layer exposes. */
export type PublicFunctions = Database['public']['Functions'];

/**
 * The named parameters of a SQL function. Undefined ones are left out of the call and get their SQL default; only parameters
 * with a default may be undefined. Null is not allowed: where SQL gives null a meaning, it is the default.
 */
export type ParametersOf<Functions extends SqlFunctions, Name extends keyof Functions> = AllowUndefined<
  Functions[Name]['Args']
>;

/** Makes optional properties accept undefined, so that a caller can pass on absent values without testing for them. */
type AllowUndefined<Args> = {
  [Name in keyof Args]: Partial<Record<Name, never>> extends Pick<Args, Name>
    ? Args[Name] | undefined
    : Args[Name];
};

/**
 * `Given` without properties that `Allowed` lacks. TypeScript checks surplus properties only in object literals: without this
 * type, a misspelled optional parameter in a variable would compile, and the database would not find the function.
 */
export type Exactly<Allowed, Given extends Allowed> = Given &
  Record<Exclude<keyof Given, keyof Allowed>, never>;
