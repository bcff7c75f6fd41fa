create or replace function private.show_delivery()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  -- The import makes a delivery from the columns that the row shows already, while its own statement updates the row.
  if coalesce(current_setting('polaris.import', true), '') = 'on' then
    return null;
  end if;
  -- Take the lock in its own statement, so that the next query sees rows committed while we waited.
  if private.lock_report(new.report_type, new.report_id) is null then
    perform private.move_delivery(new.id, 'closed', p_reason => 'report_deleted');
    return null;
  end if;
  if exists (
    select from public.webhook_deliveries later
    where later.position is null and later.report_id = new.report_id and later.report_type = new.report_type and later.id > new.id)
  then
    return null;
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_attempts = $2, webhook_last_attempt = $3,
       webhook_response = $4, webhook_job_id = $5 where id = $6',
    private.report_table(new.report_type))
  using new.status, new.attempts, new.last_attempt, new.response, new.job_id, new.report_id;
  return null;
end
$$;

comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery to our own endpoints. Without a report, a delivery is closed.';
revoke all on function private.show_delivery() from public, anon, authenticated, service_role;
