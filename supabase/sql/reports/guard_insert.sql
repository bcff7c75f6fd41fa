create or replace function private.guard_insert()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  new.stage := null;
  new.winner_event_id := null;
  new.webhook_status := 'pending';
  new.webhook_attempts := 0;
  new.webhook_last_attempt := null;
  new.webhook_response := '{}';
  new.webhook_job_id := null;
  if current_setting('role', true) in ('anon', 'authenticated') then
    new.research_status := 'pending';
    new.research_metadata := '{}';
  end if;
  return new;
end
$$;

comment on function private.guard_insert() is
  'What nobody else may set on a new report has its default. The text that it brings is recorded after the insert.';
revoke all on function private.guard_insert() from public, anon, authenticated, service_role;
