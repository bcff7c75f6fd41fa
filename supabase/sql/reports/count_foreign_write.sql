create or replace function private.count_foreign_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_most constant int := 1000;
  v_count int := coalesce(nullif(current_setting('polaris.foreign', true), '')::int, 0) + 1;
begin
  perform set_config('polaris.foreign', v_count::text, true);
  if v_count > c_most and coalesce(current_setting('polaris.bulk', true), '') <> 'on' then
    raise exception 'more than % reports were written in one transaction', c_most using errcode = 'PL005',
      hint = 'Run set local polaris.bulk = ''on'' first: the texts are recorded, but not sent to subscribers.';
  end if;
end
$$;

comment on function private.count_foreign_write() is
  'Counts the reports that others write in one transaction, and refuses more than 1,000 unannounced ones.';
revoke all on function private.count_foreign_write() from public, anon, authenticated, service_role;
