import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { asRole } from '../local/hosted-roles.ts';
import { readFunctions, replaceOnce, touchingSqlFunctions, withStops } from './stops.ts';

/** The first key of the advisory locks at which sessions are stopped; product code has keys of one part. */
export const GATES = 7_117;
/** A product's lock time-out of 50 ms would end a wait sometimes before and sometimes after it was seen. */
const SHORT_LOCK_TIMEOUT = "SET lock_timeout TO '1ms'";

export type SessionName = 'first' | 'second';
export const SESSION_NAMES: readonly SessionName[] = ['first', 'second'];

export interface Session {
  name: SessionName;
  pid: number;
  sql: postgres.Sql;
  /** The stops that its present call has come to. */
  places: string[];
  /** Called when it stands at a gate: from there on it does nothing before the gate is opened. */
  onGate: () => void;
}

export interface Removable {
  name: string;
  functionName: string;
  /** As it stands in the function with its stops. */
  text: string;
  without: string;
}

export interface Bed extends AsyncDisposable {
  /** As superuser. */
  admin: postgres.Sql;
  sessions: Readonly<Record<SessionName, Session>>;
  /** Keeps what all tables have now for `reset()`. */
  keep(): Promise<void>;
  /** All tables as they were kept, or when the bed was made. */
  reset(): Promise<void>;
  /** Removes a part of the explorer's copy of a function; returns what puts it back. */
  remove(part: Removable): Promise<() => Promise<void>>;
}

/**
 * Prepares a migrated database, to which nobody else is connected, for exploring: each function stops before whatever it locks
 * or writes.
 */
export async function makeBed(url: string): Promise<Bed> {
  const superuser = asRole(url, 'supabase_admin');
  const connect = (onnotice: (notice: postgres.Notice) => void = () => undefined) =>
    // By default, postgres.js replaces a connection after 30 to 60 minutes: the gates would open, and pids would be wrong.
    postgres(superuser, { max: 1, onnotice, fetch_types: false, max_lifetime: null });
  const setup = connect();
  // It takes a table's strongest lock for a moment to shorten the file, and a batch waits for 1 ms. reset() vacuums instead.
  await setup`alter system set autovacuum = off`;
  await setup`select pg_reload_conf()`;
  await setup.unsafe(SUPPORT);
  const functions = await readFunctions(setup);
  const touching = await touchingSqlFunctions(functions);
  const definitions = new Map<string, string>();
  for (const stored of functions) {
    if (stored.language !== 'plpgsql') continue;
    const { definition, stops } = await withStops(stored, touching);
    const changed = definition.replace(/SET lock_timeout TO '50ms'/, SHORT_LOCK_TIMEOUT);
    if (stops === 0 && changed === stored.definition) continue;
    definitions.set(stored.name, changed);
    await setup.unsafe(changed);
  }
  await setup`select explore.keep()`;
  // The settings of the database hold for connections made from here on.
  await endConnections(setup);

  const admin = connect();
  const [first, second] = await Promise.all([openSession('first', connect), openSession('second', connect)]);
  await admin`select explore.close_gates()`;
  let resets = 0;
  return {
    admin,
    sessions: { first, second },
    async keep() {
      await admin`select explore.keep()`;
    },
    async reset() {
      await admin`select explore.reset()`;
      resets += 1;
      // Each reset leaves the rows of the order before.
      if (resets % 250 === 0) await vacuum(admin);
    },
    async remove({ name, functionName, text, without }) {
      const definition = definitions.get(functionName);
      if (definition === undefined) throw new Error(`${name}: ${functionName}() has no stops`);
      await admin.unsafe(replaceOnce(definition, text, without));
      return async () => {
        await admin.unsafe(definition);
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([endConnections(first.sql), endConnections(second.sql), endConnections(admin)]);
    },
  };
}

async function openSession(
  name: SessionName,
  connect: (onnotice: (notice: postgres.Notice) => void) => postgres.Sql,
): Promise<Session> {
  const sql = connect(({ message = '' }) => {
    if (message === 'gate') session.onGate();
    else if (message.startsWith('stop ')) session.places.push(message.slice('stop '.length));
  });
  const session: Session = { name, pid: 0, sql, places: [], onGate: () => undefined };
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  if (row === undefined) throw new Error('a session does not tell its process');
  session.pid = row.pid;
  return session;
}

async function vacuum(admin: postgres.Sql): Promise<void> {
  const tables = await admin<{ name: string }[]>`select distinct relation::text as name from explore.kept`;
  await admin.unsafe(`vacuum ${tables.map(({ name }) => name).join(', ')}`);
}

/**
 * What the explorer needs in its copy of the database. Stops are counted by sequences: a counter in a setting would be set back
 * where a function catches an error.
 */
const SUPPORT = `
do $$
begin
  -- A deadlock is found soon.
  execute format('alter database %I set deadlock_timeout = ''10ms''', current_database());
end
$$;

create schema explore;
grant usage on schema explore to public;
create sequence explore.first;
create sequence explore.second;

create function explore.stop(p_place text) returns boolean
language plpgsql volatile security definer set search_path = '' set lock_timeout = 0 as $$
declare
  v_session text := current_setting('explore.session', true);
begin
  if coalesce(v_session, '') <> '' then
    raise notice 'stop %', p_place;
    if nextval('explore.' || v_session) = current_setting('explore.stop')::bigint then
      raise notice 'gate';
      perform pg_advisory_lock(${GATES}, case v_session when 'first' then 1 else 2 end);
      perform pg_advisory_unlock(${GATES}, case v_session when 'first' then 1 else 2 end);
    end if;
  end if;
  return true;
end
$$;
grant execute on function explore.stop(text) to public;

create function explore.close_gates() returns void
language sql as $$
  select setval('explore.first', 1, false), setval('explore.second', 1, false);
  select pg_advisory_unlock_all();
  select pg_advisory_lock(${GATES}, 1), pg_advisory_lock(${GATES}, 2);
$$;

-- Statements that foreign keys make, which stand in no function: one stop for each row.
create function explore.stop_in_cascade() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_context text;
begin
  if coalesce(current_setting('explore.session', true), '') <> '' then
    get diagnostics v_context = pg_context;
    if v_context ~ 'SQL statement "(DELETE FROM|UPDATE) ONLY' then
      assert explore.stop('foreign key: ' || tg_table_schema || '.' || tg_table_name);
    end if;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

do $$
declare
  v_table regclass;
begin
  for v_table in
    select distinct conrelid::regclass from pg_constraint
    where contype = 'f' and confdeltype in ('c', 'n') and connamespace in ('public'::regnamespace, 'private'::regnamespace)
  loop
    execute format(
      'create trigger aaa_explore before update or delete on %s for each row execute function explore.stop_in_cascade()', v_table);
  end loop;
end
$$;

create table explore.kept (relation regclass primary key, has_rows boolean not null);
create table explore.kept_sequences (sequence regclass primary key, value bigint not null);

-- It also writes explore.reset(), whose statements are planned once in a session.
create function explore.keep() returns void
language plpgsql as $$
declare
  v_table regclass;
  v_columns text;
  v_has_rows boolean;
  v_reset text := '';
begin
  delete from explore.kept where true;
  for v_table in
    select oid from pg_class
    where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'auth'::regnamespace)
  loop
    select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated = '';
    execute format('drop table if exists explore.%I', 'rows_' || v_table::oid);
    execute format('create table explore.%I as select %s from %s', 'rows_' || v_table::oid, v_columns, v_table);
    execute format('select exists (select from %s)', v_table) into v_has_rows;
    insert into explore.kept values (v_table, v_has_rows);
    v_reset := v_reset || format('delete from %s where true;', v_table);
    if v_has_rows then
      v_reset := v_reset || format(
        'insert into %s (%s) overriding system value select %2$s from explore.%I;', v_table, v_columns, 'rows_' || v_table::oid);
    end if;
  end loop;
  delete from explore.kept_sequences where true;
  insert into explore.kept_sequences
  select format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + 1 from pg_sequences
  where schemaname in ('public', 'private');
  execute format(
    'create or replace function explore.reset() returns void
     language plpgsql set session_replication_role = replica as $body$
     begin
       %s
       -- Else the scene would grow old: after some minutes an event that nobody has applied is a finding.
       update public.webhook_deliveries set lease_expires_at = now() - interval ''1 minute'' where lease_expires_at < now();
       perform setval(sequence, value, false) from explore.kept_sequences;
       perform explore.close_gates();
     end
     $body$', v_reset);
end
$$;

-- As public.verify_reports(), without the types of which there is nothing, and with plans that the session keeps.
create function explore.verify() returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql as $$
begin
  return query select found.* from public.report_types type cross join lateral private.verify_range(type.report_type, null, null) found
    where type.report_type in (
      select 'org' union select event.report_type from public.report_events event
      union select job.report_type from private.job_runs job);
  return query select found.* from private.verify_jobs(null, null) found;
  return query select found.* from private.verify_rest() found;
end
$$;

-- The rows of all tables that another transaction has locked, with the strength of its lock: 4 for update, 3 for no key update,
-- 2 for share, 1 for key share. Two locks of one row conflict if their strengths make 5 or more. To be called in a transaction that is
-- rolled back.
create function explore.locked_rows() returns table (place text, strength int)
language plpgsql as $$
declare
  v_kept record;
begin
  for v_kept in select relation from explore.kept where has_rows loop
    return query execute format(
      'with weak as materialized (select ctid from %1$s for key share skip locked),
         shared as materialized (select ctid from %1$s where ctid in (select * from weak) for share skip locked),
         changed as materialized (select ctid from %1$s where ctid in (select * from shared) for no key update skip locked),
         taken as materialized (select ctid from %1$s where ctid in (select * from changed) for update skip locked)
       select %2$L || row_to_json(locked)::text, case
           when ctid not in (select * from weak) then 4 when ctid not in (select * from shared) then 3
           when ctid not in (select * from changed) then 2 else 1 end
       from %1$s locked where ctid not in (select * from taken)', v_kept.relation, v_kept.relation::text || ' ');
  end loop;
end
$$;
`;
