import type { Seats } from './seats.ts';
import { refusal, RefusalError } from './errors.ts';
import { parseSetting, type Setting } from './role-settings.ts';

/** A function of schema `public`, as far as needed to call it. */
export interface Routine {
  name: string;
  parameters: { name: string; type: string; isRequired: boolean }[];
  isVolatile: boolean;
  returns: 'nothing' | 'value' | 'row';
  isSet: boolean;
  /** The function's settings that PostgREST applies to the whole transaction. */
  hoisted: Setting[];
}

interface Row {
  names: string[];
  types: string[];
  optional: number;
  volatility: string;
  returns: Routine['returns'];
  isSet: boolean;
  settings: string[];
}

/** PostgREST's default for `db-hoisted-tx-settings`. */
const HOISTED = ['statement_timeout', 'plan_filter.statement_cost_limit', 'default_transaction_isolation'];

interface Routines {
  /** The function with this name that accepts these arguments. @throws {RefusalError} PGRST202, PGRST203 */
  find(name: string, keys: readonly string[]): Promise<Routine>;
  /** Discards a cached function, which a migration may have changed; the next call reads it again. */
  forget(name: string): void;
}

export function createRoutines(seats: Seats): Routines {
  const known = new Map<string, Promise<Routine[]>>();
  function load(name: string): Promise<Routine[]> {
    const cached = known.get(name);
    if (cached) return cached;
    const loading = read(seats, name);
    known.set(name, loading);
    const forget = () => known.delete(name);
    loading.then((found) => found.length === 0 && forget(), forget);
    return loading;
  }
  return {
    async find(name, keys) {
      let fitting = (await load(name)).filter((routine) => takes(routine, keys));
      if (fitting.length === 0) {
        known.delete(name);
        fitting = (await load(name)).filter((routine) => takes(routine, keys));
      }
      const [routine, ...others] = fitting;
      if (routine === undefined) throw new RefusalError(notFound(name, keys));
      if (others.length > 0) throw new RefusalError(ambiguous(fitting));
      return routine;
    },
    forget: (name) => void known.delete(name),
  };
}

function takes({ parameters }: Routine, keys: readonly string[]): boolean {
  return (
    keys.every((key) => parameters.some(({ name }) => name === key)) &&
    parameters.every(({ name, isRequired }) => !isRequired || keys.includes(name))
  );
}

async function read(seats: Seats, name: string): Promise<Routine[]> {
  const seat = await seats.take();
  try {
    // format_type() prints types with their schema where the search path needs it. Parameters of mode o or t are result
    // columns.
    const rows = await seat.sql<Row[]>`
      select
        array(
          select argument from unnest(proc.proargnames) with ordinality names (argument, position)
          where coalesce(proc.proargmodes[position], 'i') in ('i', 'b', 'v') order by position) as names,
        array(
          select format_type(type, null) from unnest(proc.proargtypes) with ordinality types (type, position)
          order by position) as types,
        proc.pronargdefaults as optional,
        proc.provolatile as volatility,
        case
          when type.typname = 'void' then 'nothing'
          when type.typtype = 'c' or proc.proargmodes && '{o,b,t}'::"char"[] then 'row'
          else 'value' end as returns,
        proc.proretset as "isSet",
        coalesce(proc.proconfig, '{}') as settings
      from pg_proc proc
      join pg_type type on type.oid = proc.prorettype
      where proc.pronamespace = 'public'::regnamespace and proc.prokind = 'f' and proc.proname = ${name}`;
    return rows.map((row) => routineOf(name, row));
  } finally {
    seats.leave(seat);
  }
}

function routineOf(name: string, { names, types, optional, volatility, settings, ...row }: Row): Routine {
  return {
    name,
    parameters: types.map((type, index) => ({
      name: names[index] ?? '',
      type,
      isRequired: index < types.length - optional,
    })),
    isVolatile: volatility === 'v',
    hoisted: settings.map(parseSetting).filter(([setting]) => HOISTED.includes(setting)),
    ...row,
  };
}

function notFound(name: string, keys: readonly string[]) {
  const given = [...keys].sort().join(', ');
  const called = keys.length === 0 ? ' without parameters' : `(${given})`;
  const searched =
    keys.length === 0 ? 'without parameters' : `with parameter${keys.length > 1 ? 's' : ''} ${given}`;
  return refusal(404, 'PGRST202', `Could not find the function public.${name}${called} in the schema cache`, {
    details: `Searched for the function public.${name} ${searched}, but no matches were found in the schema cache.`,
  });
}

function ambiguous(routines: readonly Routine[]) {
  const candidates = routines.map(
    ({ name, parameters }) =>
      `public.${name}(${parameters.map((parameter) => `${parameter.name} => ${parameter.type}`).join(', ')})`,
  );
  return refusal(
    300,
    'PGRST203',
    `Could not choose the best candidate function between: ${candidates.join(', ')}`,
    {
      hint: 'Try renaming the parameters or the function itself in the database so function overloading can be resolved',
    },
  );
}
