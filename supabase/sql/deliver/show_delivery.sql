create or replace function private.show_delivery()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  -- Callers that update the report's row anyway show the delivery there, so that the row is updated once. Named as in 0.2.0:
  -- an import that began before the migration still calls that version's function, in a trigger before the row's update.
  if coalesce(current_setting('polaris.import', true), '') = 'on' then
    return null;
  end if;
  -- Take the lock in its own statement, so that the next query sees rows committed while we waited.
  if private.lock_report(new.report_type, new.report_id) is null then
    perform private.move_delivery(new.id, 'closed', p_reason => 'report_deleted');
    return null;
  end if;
  if private.is_shown_delivery(new) then
    perform private.show_in_report(new.report_type, new.report_id, null, p_delivery => new);
  end if;
  return null;
end
$$;

comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery to our own endpoints. Without a report, a delivery is closed.';
revoke all on function private.show_delivery() from public, anon, authenticated, service_role;
