import type { Database } from './database.types.ts';

/** The shape of `Database[…]['Functions']`: the parameters of each SQL function, by its name. */
export type SqlFunctions = Record<string, { Args: object }>;

/** The SQL functions that the REST layer exposes. */
export type PublicFunctions = Database['public']['Functions'];

/**
 * The named parameters of a SQL function. A parameter that is undefined is left out of the call and takes its SQL default;
 * only parameters with a default may be undefined. None is null: where null has a meaning, it is the default.
 */
export type ParametersOf<Functions extends SqlFunctions, Name extends keyof Functions> = AllowUndefined<
  Functions[Name]['Args']
>;

/** Optional properties may be undefined as well, so that a caller hands on what may be absent without testing for it. */
type AllowUndefined<Args> = {
  [Name in keyof Args]: Partial<Record<Name, never>> extends Pick<Args, Name>
    ? Args[Name] | undefined
    : Args[Name];
};

/**
 * `Given` with no property that `Allowed` lacks. TypeScript checks for surplus properties only in an object literal: without
 * this type, a misspelled optional parameter in a variable would compile, and the database would find no such function.
 */
export type Exactly<Allowed, Given extends Allowed> = Given &
  Record<Exclude<keyof Given, keyof Allowed>, never>;
