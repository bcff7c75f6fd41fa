-- Definer rights: people and servers who insert reports may not call our helpers.
create or replace function private.guard_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_is_owner boolean := current_setting('role', true) in ('anon', 'authenticated');
  v_has_text boolean := new.research_report is not null
    and (v_is_owner or new.research_status <> 'failed' or not private.is_blank(new.research_report));
begin
  -- Lock order: the foreign keys would lock the summary first.
  perform from auth.users where id = new.user_id for key share;
  if v_is_owner then
    -- The same lock as lock_owner() takes for updates. Taken before the first row is inserted, since an upsert of the same
    -- owner may wait for that row.
    perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  end if;
  perform from public.polaris_summaries where id = new.summary_id for key share;
  if v_is_owner then
    perform private.check_owner_values(new.user_data, new.research_report);
    new.created_at := now();
    new.updated_at := now();
  else
    -- Servers may insert reports of the past, but none from the future or without a time.
    new.created_at := private.import_time(coalesce(new.created_at, now()), now());
    new.updated_at := private.import_time(coalesce(new.updated_at, now()), now());
  end if;
  -- The ids are generated here, so that the statement returns them. record_insert() records the event; if the insert becomes
  -- an update of an existing row, no event is recorded under this id.
  new.stage := case when v_has_text then
    case when not v_is_owner and new.research_metadata ->> 'processing_stage' = 'final' then 'final'
      when v_is_owner then coalesce(new.stage, 'prelim') else 'prelim' end end;
  new.winner_event_id := case when v_has_text then private.new_id(case when v_is_owner then 'own_' else 'plt_' end) end;
  new.webhook_status := 'pending';
  new.webhook_attempts := 0;
  new.webhook_last_attempt := null;
  new.webhook_response := '{}';
  new.webhook_job_id := null;
  if v_is_owner then
    new.research_metadata := '{}';
  end if;
  new.research_status := case when v_has_text then 'completed' when v_is_owner then 'pending' else new.research_status end;
  return new;
end
$$;

comment on function private.guard_insert() is
  'Sets the columns of a new report that only we may set to their defaults: an owner''s times are now, a server''s are at most now. The text that it brings is recorded after the insert.';
revoke all on function private.guard_insert() from public, anon, authenticated, service_role;
