create or replace function private.schedule_sweep(p_url text, p_cron_secret text)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_missing text;
  v_secret record;
  v_id uuid;
begin
  select string_agg(extension, ', ' order by extension) into v_missing
  from (values
    ('pg_cron', to_regprocedure('cron.schedule(text,text,text)') is not null),
    ('pg_net', to_regprocedure('net.http_get(text,jsonb,jsonb,integer)') is not null),
    ('supabase_vault', to_regprocedure('vault.create_secret(text,text,text,uuid)') is not null)) needed (extension, there)
  where not there;
  if v_missing is not null then
    return 'Nothing was scheduled: this database lacks ' || v_missing || '.';
  elsif p_url !~ '^https://[^/\s]+$' then
    raise exception 'p_url must be the deployment''s address, such as https://polaris.example.com'
      using errcode = 'invalid_parameter_value';
  elsif length(p_cron_secret) < 32 then
    raise exception 'p_cron_secret must have at least 32 characters' using errcode = 'invalid_parameter_value';
  end if;
  for v_secret in select * from (values ('polaris_url', p_url), ('polaris_cron_secret', p_cron_secret)) secrets (name, value)
  loop
    execute 'select id from vault.secrets where name = $1' into v_id using v_secret.name;
    if v_id is null then
      execute 'select vault.create_secret($1, $2)' using v_secret.value, v_secret.name;
    else
      execute 'select vault.update_secret($1, $2)' using v_id, v_secret.value;
    end if;
  end loop;
  -- The secret stays in Vault: the schedule only has its name, and reads the secret when it runs.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris sweep', '* * * * *', $command$
    select net.http_get(
      url := (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_url') || '/api/cron/sweep',
      headers := jsonb_build_object('authorization', 'Bearer ' ||
        (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_cron_secret')),
      timeout_milliseconds := 60000)$command$;
  -- pg_cron keeps a row for each run for ever. Deletes only those of our job, not of the platform's.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris cron log', '17 3 * * *', $command$
    delete from cron.job_run_details
    where end_time < now() - interval '7 days'
      and jobid in (select jobid from cron.job where jobname in ('polaris sweep', 'polaris cron log'))$command$;
  return 'The sweep is called every minute. The log of its calls is kept for 7 days.';
end
$$;

comment on function private.schedule_sweep(text, text) is
  'Lets Supabase Cron call the sweep every minute and prune its own log of that. Run again it takes the new address or secret. Returns what it did.';
revoke all on function private.schedule_sweep(text, text) from public, anon, authenticated, service_role;
