create or replace function private.forget_audit(p_event_id text, p_report_id uuid, p_limit int)
returns int
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_rows int;
begin
  perform set_config('polaris.retention', 'on', true);
  update public.webhook_audit audit
  set request_payload = forgotten.request_payload, response_body = null, error_message = null, body_sha256 = null
  from (
    select id, (private.without_content(content)).request_payload
    from public.webhook_audit content
    where id in (
      select id from private.audit_with_content where event_id = p_event_id or report_id = p_report_id limit p_limit)) forgotten
  where audit.id = forgotten.id;
  get diagnostics v_rows = row_count;
  perform set_config('polaris.retention', v_retention, true);
  return v_rows;
exception when lock_not_available then
  return p_limit;
end
$$;

comment on function private.forget_audit(text, uuid, int) is
  'Erases the content of up to p_limit audit rows of an event, or of a report. Returns how many; fewer than p_limit: none is left. p_limit also where another transaction holds one.';
revoke all on function private.forget_audit(text, uuid, int) from public, anon, authenticated, service_role;
