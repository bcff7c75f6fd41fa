import postgres from 'postgres';

/**
 * Stand-ins for a hosted project's extensions that no package contains, with the same schemas, signatures and rights. A
 * superuser creates them, as there, so `postgres` lacks the same rights as on the real ones.
 */
const STAND_INS = {
  /** Requests are queued but never sent. */
  pg_net: `
    create schema net;
    create table net.http_request_queue (
      id bigserial, method text not null, url text not null, headers jsonb, body bytea, timeout_milliseconds int not null);
    create function net.http_get(
      url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000)
    returns bigint language sql as $$
      insert into net.http_request_queue (method, url, headers, timeout_milliseconds)
      values ('GET', url, headers, timeout_milliseconds) returning id $$;
    create function net.http_post(
      url text, body jsonb default '{}', params jsonb default '{}',
      headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000)
    returns bigint language sql as $$
      insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
      values ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) returning id $$;
    create function net.http_delete(
      url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000,
      body jsonb default null)
    returns bigint language sql as $$
      insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
      values ('DELETE', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) returning id $$;
    grant usage on schema net to public;
    grant all on net.http_request_queue, net.http_request_queue_id_seq to public;`,
  /** Nothing is encrypted. */
  supabase_vault: `
    create schema vault;
    create table vault.secrets (
      id uuid primary key default gen_random_uuid(), name text unique, description text not null default '',
      secret text not null);
    create view vault.decrypted_secrets as
      select id, name, description, secret, secret as decrypted_secret from vault.secrets;
    create function vault.create_secret(
      new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null)
    returns uuid language sql security definer set search_path = '' as $$
      insert into vault.secrets (name, description, secret) values (new_name, new_description, new_secret)
      returning id $$;
    create function vault.update_secret(
      secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
      new_key_id uuid default null)
    returns void language sql security definer set search_path = '' as $$
      update vault.secrets set secret = coalesce(new_secret, secret), name = coalesce(new_name, name),
        description = coalesce(new_description, description)
      where id = secret_id $$;
    revoke execute on function vault.create_secret, vault.update_secret from public;
    grant usage on schema vault to postgres, service_role;
    grant select, delete on vault.secrets, vault.decrypted_secrets to postgres, service_role;
    grant execute on function vault.create_secret, vault.update_secret to postgres, service_role;`,
  /** Jobs are written down, and nobody runs them. */
  pg_cron: `
    create schema cron;
    create table cron.job (jobid bigserial, schedule text, command text, jobname text unique);
    create function cron.schedule(job_name text, schedule text, command text)
    returns bigint language sql security definer set search_path = '' as $$
      insert into cron.job (jobname, schedule, command) values (job_name, schedule, command)
      on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command returning jobid $$;
    create function cron.schedule(schedule text, command text)
    returns bigint language sql security definer set search_path = '' as $$
      insert into cron.job (schedule, command) values (schedule, command) returning jobid $$;
    grant usage on schema cron to postgres;
    grant select on cron.job to postgres;`,
};

export async function createStandIns(
  superuserUrl: string,
  extensions: readonly (keyof typeof STAND_INS)[],
): Promise<void> {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => undefined });
  try {
    for (const extension of extensions) await sql.unsafe(STAND_INS[extension]);
  } finally {
    await sql.end();
  }
}
