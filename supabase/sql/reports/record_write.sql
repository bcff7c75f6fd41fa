-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_write()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_channel text := tg_argv[1];
  v_is_edit boolean := new.research_report is distinct from old.research_report
    or new.research_metadata is distinct from old.research_metadata;
  v_has_text boolean;
  v_failed boolean;
  v_job_id text;
  v_event public.report_events;
  v_row private.report_row;
begin
  -- If this transaction updates the row again, its foreign keys lock the user while the report is locked. So take that lock
  -- now, if it needs no waiting. Owners' statements already hold it (lock_owner()).
  perform from auth.users where v_channel = 'platform' and id = old.user_id for key share skip locked;
  if v_channel = 'owner' then
    perform private.count_owner_write();
  end if;
  -- Imports from OLD: an update of the row would come too late, and a trigger before this one would count as the write.
  if exists (select from private.reports_to_import where report_type = v_type and report_id = old.id) then
    -- Column by column: converted to JSON, metadata that is the JSON null would become SQL null, which the table refuses.
    v_row := private.import_events(v_type, row(
      old.id, old.user_id, old.research_report, old.research_metadata, old.webhook_status, old.webhook_attempts,
      old.webhook_last_attempt, old.webhook_response, old.webhook_job_id, old.updated_at, old.winner_event_id,
      old.stage)::private.report_row);
    old.research_report := v_row.research_report;
    old.webhook_status := v_row.webhook_status;
    old.webhook_attempts := v_row.webhook_attempts;
    old.webhook_last_attempt := v_row.webhook_last_attempt;
    old.webhook_response := v_row.webhook_response;
    old.winner_event_id := v_row.winner_event_id;
    old.stage := v_row.stage;
  end if;
  -- Events and deliveries refer to the report by its id.
  new.id := old.id;
  if v_channel = 'owner' then
    new.user_id := old.user_id;
    new.created_at := old.created_at;
    new.updated_at := now();
    -- Unchanged values are not checked: existing rows keep theirs.
    perform private.check_owner_values(
      case when new.user_data is distinct from old.user_data then new.user_data end,
      case when v_is_edit then new.research_report end, case when v_is_edit then new.research_metadata end);
  elsif new.created_at is distinct from old.created_at then
    new.created_at := private.import_time(coalesce(new.created_at, old.created_at), now());
  end if;
  if new.user_id is distinct from old.user_id then
    -- The report has a new owner: the previous one must not see its notifications any more.
    update public.report_notifications set user_id = new.user_id
    where event_id in (select id from public.report_events where report_id = old.id and report_type = v_type);
    -- Nor read or cancel its jobs. A job that a user asked for stays that user's, and serves the report no more.
    update private.job_runs set user_id = new.user_id
    where report_id = old.id and report_type = v_type and caller in ('pipeline', 'platform');
    update public.report_jobs set user_id = new.user_id
    where job_id in (
      select shown.job_id from public.report_jobs shown join private.job_runs job using (job_id)
      where job.report_id = old.id and job.report_type = v_type and job.caller = 'pipeline' for update of shown skip locked);
  end if;
  -- A job counts only if this write names it: the values of the old row are the winner's job. The platform's fallback names
  -- the job in the metadata and empties the column.
  v_job_id := coalesce(
    case when new.webhook_job_id is distinct from old.webhook_job_id then new.webhook_job_id end,
    case when new.research_metadata ->> 'job_id' is distinct from old.research_metadata ->> 'job_id'
      then new.research_metadata ->> 'job_id' end);
  new.stage := old.stage;
  new.winner_event_id := old.winner_event_id;
  new.webhook_status := old.webhook_status;
  new.webhook_attempts := old.webhook_attempts;
  new.webhook_last_attempt := old.webhook_last_attempt;
  new.webhook_response := old.webhook_response;
  new.webhook_job_id := old.webhook_job_id;
  v_has_text := new.research_report is distinct from old.research_report
    or v_channel = 'owner' and old.winner_event_id is not null
      and new.research_metadata is distinct from old.research_metadata;
  if v_has_text then
    perform private.refuse_first_version(v_channel);
    perform private.count_foreign_write();
    v_failed := v_channel = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
    v_event := private.record_foreign(
      v_type, old.id, v_channel, new.research_report, new.research_metadata, v_failed, old.stage, old.winner_event_id, v_job_id);
  end if;
  if v_event.effect = 'applied' and v_event.status = 'completed' then
    new.winner_event_id := v_event.id;
    new.stage := v_event.stage;
    if v_row.winner_event_id is not null then
      -- The winner was imported by this statement, so lose_content() does not see it in the row.
      update private.report_contents set lost_at = v_event.applied_at where event_id = v_row.winner_event_id;
    end if;
  elsif v_has_text then
    new.research_report := old.research_report;
    new.research_metadata := old.research_metadata;
  elsif old.winner_event_id is not null or v_channel = 'owner' then
    -- Metadata follows the winner.
    new.research_metadata := old.research_metadata;
  end if;
  new.research_status := private.report_status(v_type, old.id);
  return new;
end
$$;

comment on function private.record_write() is
  'Handles foreign writes to a report: a text becomes an event, and the row shows the text if it wins. Columns that only our functions may change keep their values.';
revoke all on function private.record_write() from public, anon, authenticated, service_role;
