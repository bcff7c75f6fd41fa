import { z } from 'zod';
import type { SupabaseKeys } from '../lite.ts';
import { callerOf, type Caller } from './claims.ts';
import { jsonResponse, refusal, RefusalError, refusalOf, refusalResponse } from './errors.ts';
import type { RoleSettings, Setting } from './role-settings.ts';
import { createRoutines, type Routine } from './routines.ts';
import { requireGuarded, type Seats } from './seats.ts';

interface RpcOptions {
  keys: SupabaseKeys;
  seats: Seats;
  roleSettings: RoleSettings;
}

/** `db-max-rows` of hosted projects. */
const MAX_ROWS = 1000;

/** Exposed schema and `db-extra-search-path` of hosted projects. */
export const SEARCH_PATH: Setting = ['search_path', '"public", "extensions"'];

const argumentsObject = z.record(z.string(), z.unknown());

/**
 * Answers `POST /rest/v1/rpc/<name>` with a JSON object of arguments as PostgREST does. Not supported, and answered 501: GET,
 * filters on the result, `Prefer` and a single unnamed argument. Nor does it repeat a raised 40001 endlessly, as PostgREST
 * does.
 */
export function createRpc({
  keys,
  seats,
  roleSettings,
}: RpcOptions): (request: Request) => Promise<Response> {
  const routines = createRoutines(seats);

  async function call(request: Request, caller: Caller, name: string): Promise<Response> {
    const body = await request.text();
    const given = parseArguments(request, body);
    const routine = await routines.find(name, given);
    const variables: Setting[] = [
      SEARCH_PATH,
      ...(await roleSettings(caller.role)),
      ['role', caller.role],
      ['request.jwt.claims', JSON.stringify(caller.claims)],
      ['request.method', request.method],
      ['request.path', `/rpc/${name}`],
      ['request.headers', JSON.stringify(Object.fromEntries(request.headers))],
      ...routine.hoisted,
    ];
    const mode = routine.isVolatile ? 'read write' : 'read only';
    const seat = await seats.take();
    let failure: unknown;
    try {
      const rows = await seat.sql.begin(`isolation level read committed ${mode}`, async (transaction) => {
        const setting = variables.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
        await transaction.unsafe(`select ${setting.join(', ')}`, variables.flat());
        const answer = await transaction.unsafe<{ body: string }[]>(
          callOf(routine, given),
          given.length === 0 ? [] : [body],
          { prepare: true },
        );
        requireGuarded(seat);
        return answer;
      });
      return routine.returns === 'nothing'
        ? new Response(null, { status: 204 })
        : jsonResponse(200, rows[0]?.body ?? 'null');
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      seats.leave(seat, failure);
    }
  }

  return async (request) => {
    let role = 'anon';
    const name = decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '');
    try {
      const caller = callerOf(request.headers, keys, Date.now());
      role = caller.role;
      requireRebuilt(request);
      return await call(request, caller, name);
    } catch (error) {
      const answer = refusalOf(error, role);
      if (answer === undefined) throw error;
      if (answer.code === '42883') routines.forget(name);
      return refusalResponse(answer);
    }
  };
}

function requireRebuilt(request: Request): void {
  const { search } = new URL(request.url);
  const accept = request.headers.get('accept') ?? '*/*';
  const missing = [
    request.method !== 'POST' && `method ${request.method}`,
    search !== '' && 'a query string',
    !/\*\/\*|application\/(json|\*)/.test(accept) && `Accept: ${accept}`,
    /count=|max-affected=|tx=/.test(request.headers.get('prefer') ?? '') && 'this Prefer',
    (request.headers.get('content-profile') ?? 'public') !== 'public' && 'another schema',
  ].filter((reason) => reason !== false);
  if (missing.length === 0) return;
  throw new RefusalError(
    refusal(
      501,
      'LOCAL',
      `The local stand-in for PostgREST does not know ${missing.join(', ')} for functions.`,
    ),
  );
}

/** The arguments' names. PostgREST parses the body before it calls the database. */
function parseArguments(request: Request, body: string): string[] {
  // With another content type, PostgREST would use the body as the value of a single unnamed argument, which no function here
  // has.
  const type = request.headers.get('content-type') ?? 'application/json';
  if (!/^application\/json\b/i.test(type)) {
    throw new RefusalError(
      refusal(
        404,
        'PGRST202',
        'Could not find the function with a single unnamed parameter in the schema cache',
      ),
    );
  }
  if (body === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new RefusalError(refusal(400, 'PGRST102', 'Empty or invalid json'));
  }
  const given = argumentsObject.safeParse(parsed);
  if (!given.success) throw new RefusalError(refusal(400, 'PGRST102', 'Empty or invalid json'));
  return Object.keys(given.data);
}

/**
 * The SQL statement of a call. The whole body is one json parameter, which the database splits by the declared types
 * (Query/QueryBuilder.hs), so that objects and all digits arrive as sent.
 */
function callOf(routine: Routine, given: readonly string[]): string {
  const columns = given.map((name) => {
    const parameter = routine.parameters.find((known) => known.name === name);
    return `${quoted(name)} ${parameter?.type ?? 'text'}`;
  });
  const values = given.map((name) => `${quoted(name)} := given.${quoted(name)}`);
  const body =
    given.length === 0 ? '' : `json_to_record($1::text::json) as given (${columns.join(', ')}), lateral `;
  const alias = routine.returns === 'row' ? 'result' : 'result (value)';
  const result = routine.returns === 'row' ? 'page' : 'page.value';
  const answer = routine.isSet
    ? `coalesce(json_agg(${result}), '[]')`
    : `coalesce(json_agg(${result}) -> 0, 'null')`;
  return `
    with called as (select result.* from ${body} public.${quoted(routine.name)}(${values.join(', ')}) as ${alias})
    select ${routine.returns === 'nothing' ? `count(*)` : answer}::text as body
    from (select * from called limit ${MAX_ROWS}) page`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
