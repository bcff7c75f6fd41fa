create or replace function private.count_owner_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_owner uuid := auth.uid();
  v_asked record;
begin
  -- No caller waits for the bucket: lock_owner() and guard_insert() serialise an owner's statements.
  v_asked := private.ask_limit('write', v_owner::text, true);
  if v_asked.failure is not null then
    raise warning '%', v_asked.failure;
  elsif v_asked.refusal is not null then
    raise exception 'too many changes of reports: at most % within % seconds', v_asked.refusal ->> 'quota',
      v_asked.refusal ->> 'window_seconds'
      using errcode = 'PT429',
        hint = format('Wait %s seconds, then write again.', v_asked.refusal ->> 'retry_after_seconds');
  end if;
end
$$;

comment on function private.count_owner_write() is
  'Takes a token of the signed-in owner for a report that this statement inserts or changes, and refuses the statement (PT429, which the REST API answers with 429) where there is none.';
revoke all on function private.count_owner_write() from public, anon, authenticated, service_role;
