create or replace function private.without_content(p_audit public.webhook_audit)
returns public.webhook_audit
language plpgsql immutable set search_path = '' as $$
declare
  c_facts constant text[] := '{id,type,endpoint,method,claim_id,plan,dead_at,dead_reason,url,headers}';
  c_data_facts constant text[] := '{job_id,report_id,report_type,research_status,requested_at}';
  v_data jsonb := p_audit.request_payload -> 'data';
begin
  p_audit.response_body := null;
  p_audit.error_message := null;
  p_audit.body_sha256 := null;
  if p_audit.outcome is null or jsonb_typeof(p_audit.request_payload) <> 'object' then
    -- Rows of the platform's functions have no outcome, and may have anything in their payload.
    p_audit.request_payload := null;
  elsif p_audit.request_payload is not null then
    p_audit.request_payload := (
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_audit.request_payload)
      where key = any (c_facts))
      || case when jsonb_typeof(v_data) = 'object' then jsonb_build_object('data', (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(v_data) where key = any (c_data_facts)))
      else '{}' end;
  end if;
  return p_audit;
end
$$;

comment on function private.without_content(public.webhook_audit) is
  'An audit row without what senders and receivers said: the facts that our functions write stay.';
revoke all on function private.without_content(public.webhook_audit) from public, anon, authenticated, service_role;
