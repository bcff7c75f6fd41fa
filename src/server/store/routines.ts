import { z } from 'zod';

/** The role in `STORE_DATABASE_URL`. It may execute the functions that the server calls, and nothing else. */
export const STORE_ROLE = 'polaris_store' as const;

const routine = z.object({
  name: z.string(),
  /** Types with their schema, independent of the search path. */
  parameters: z.array(z.object({ name: z.string(), type: z.string(), is_required: z.boolean() })),
  returns: z.enum(['nothing', 'value', 'row']),
  is_set: z.boolean(),
  is_executable: z.boolean(),
});
export type Routine = z.infer<typeof routine>;

/** Our identity in the database, and the functions of schema `public`. */
export const session = z.object({
  role: z.string(),
  /**
   * Whether the role has more rights than the migration gives `polaris_store`: an attribute such as `superuser` or
   * `bypassrls`, a membership, or rights on our schema.
   */
  may_do_more: z.boolean(),
  statement_timeout: z.string(),
  routines: z.array(routine),
});
export type Session = z.infer<typeof session>;

/** One row with one column, `body`: the session as JSON. */
export const READ_SESSION = `
  select pg_catalog.json_build_object(
    'role', current_user,
    'may_do_more', exists (
      select from pg_catalog.pg_roles role
      where role.rolname = current_user and (
        role.rolsuper or role.rolbypassrls or role.rolcreaterole or role.rolcreatedb or role.rolreplication
        or exists (select from pg_catalog.pg_auth_members where member = role.oid)))
      or coalesce((
        select pg_catalog.pg_has_role(current_user, nspowner, 'member')
          or pg_catalog.has_schema_privilege(current_user, oid, 'usage')
        from pg_catalog.pg_namespace where nspname = 'private'), false),
    'statement_timeout', pg_catalog.current_setting('statement_timeout'),
    'routines', coalesce((
      select pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', proc.proname,
        'parameters', (
          select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', coalesce(names.name, ''),
            'type', pg_catalog.format('%I.%I', spaces.nspname, types.typname),
            'is_required', given.position <= proc.pronargs - proc.pronargdefaults) order by given.position), '[]')
          from pg_catalog.unnest(proc.proargtypes) with ordinality given (type, position)
          join pg_catalog.pg_type types on types.oid = given.type
          join pg_catalog.pg_namespace spaces on spaces.oid = types.typnamespace
          left join lateral (
            select argument as name from (
              select argument, pg_catalog.row_number() over (order by place) as position
              from pg_catalog.unnest(proc.proargnames) with ordinality arguments (argument, place)
              where coalesce(proc.proargmodes[place], 'i') in ('i', 'b', 'v')) inputs
            where inputs.position = given.position) names on true),
        'returns', case
          when result.typname = 'void' then 'nothing'
          when result.typtype = 'c' or proc.proargmodes && '{o,b,t}'::"char"[] then 'row'
          else 'value' end,
        'is_set', proc.proretset,
        'is_executable', pg_catalog.has_function_privilege(proc.oid, 'execute')))
      from pg_catalog.pg_proc proc
      join pg_catalog.pg_type result on result.oid = proc.prorettype
      where proc.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = 'public')
        and proc.prokind = 'f' and result.typname <> 'trigger'), '[]'))::text as body`;

/** All functions with this name that accept these arguments: PostgREST also matches by argument names alone. */
export function routinesFor({ routines }: Session, name: string, given: readonly string[]): Routine[] {
  return routines.filter(
    (each) =>
      each.name === name &&
      given.every((key) => each.parameters.some((parameter) => parameter.name === key)) &&
      each.parameters.every((parameter) => !parameter.is_required || given.includes(parameter.name)),
  );
}

/** `db-max-rows` of hosted projects: a call by REST returns no more either. */
const MAX_ROWS = 1000;

/**
 * The SQL statement of a call, as PostgREST writes it (Query/QueryBuilder.hs): all arguments are one JSON text, which the
 * database splits by the declared types. The answer is one row with one column, `body`, as JSON; null for `void`.
 */
export function statementOf(called: Routine, given: readonly string[]): string {
  const columns = given.map((key) => `${quoted(key)} ${typeOf(called, key)}`);
  const values = given.map((key) => `${quoted(key)} => given.${quoted(key)}`);
  const source =
    given.length === 0
      ? ''
      : `pg_catalog.json_to_record($1::text::json) as given (${columns.join(', ')}), lateral `;
  const alias = called.returns === 'row' ? 'result' : 'result (value)';
  const result = called.returns === 'row' ? 'page' : 'page.value';
  const answer = called.is_set
    ? `coalesce(pg_catalog.json_agg(${result}), '[]')::text`
    : called.returns === 'nothing'
      ? `case when pg_catalog.count(*) >= 0 then 'null' end`
      : `coalesce(pg_catalog.json_agg(${result}) -> 0, 'null')::text`;
  return `
    with called as (select result.* from ${source}public.${quoted(called.name)}(${values.join(', ')}) as ${alias})
    select ${answer} as body from (select * from called limit ${MAX_ROWS}) page`;
}

function typeOf({ parameters }: Routine, key: string): string {
  const found = parameters.find(({ name }) => name === key);
  if (found === undefined) throw new Error(`no parameter is named ${key}`);
  return found.type;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
