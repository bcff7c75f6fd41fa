-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_failed boolean := tg_argv[1] = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
  v_event public.report_events;
begin
  -- Events of an earlier report may carry this id, and would attach to this one.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this report id was used before' using errcode = 'unique_violation';
  end if;
  if tg_argv[1] = 'owner' then
    -- Only here: before the insert it is not known whether it becomes an update, which takes its token in record_write().
    perform private.count_owner_write();
  end if;
  if new.research_report is null then
    -- Only here: an insert that becomes an update may report a failure.
    execute format(
      $q$update public.%I set research_status = 'pending' where id = $1 and research_status <> 'pending'$q$, tg_table_name)
    using new.id;
    return null;
  end if;
  perform private.refuse_first_version(tg_argv[1]);
  perform private.count_foreign_write();
  v_event := private.record_foreign(
    tg_argv[0], new.id, tg_argv[1], new.research_report, new.research_metadata, v_failed, new.stage, null,
    new.research_metadata ->> 'job_id', new.winner_event_id);
  if new.winner_event_id is null then
    execute format(
      'update public.%I set winner_event_id = $1, stage = $2, research_status = $3 where id = $4', tg_table_name)
    using case when v_event.status = 'completed' then v_event.id end,
      case when v_event.status = 'completed' then v_event.stage end, private.report_status(tg_argv[0], new.id), new.id;
  end if;
  return null;
end
$$;

comment on function private.record_insert() is
  'A report that others insert with a text: the text becomes its first event. After the insert, since an upsert would see values that were minted before it.';
revoke all on function private.record_insert() from public, anon, authenticated, service_role;
