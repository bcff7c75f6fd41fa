create or replace view private.audit_with_content with (security_invoker = true) as
  select id, event_id, report_id
  from public.webhook_audit
  where response_body is not null or error_message is not null or body_sha256 is not null
    or request_payload is not null and (
      outcome is null or jsonb_typeof(request_payload) <> 'object'
      or request_payload - '{id,type,endpoint,method,claim_id,plan,dead_at,dead_reason,url,headers,data}'::text[] <> '{}'
      or request_payload ? 'data' and (
        jsonb_typeof(request_payload -> 'data') <> 'object'
        or (request_payload -> 'data') - '{job_id,report_id,report_type,research_status,requested_at}'::text[] <> '{}'));

comment on view private.audit_with_content is
  'Audit rows that without_content() would change. An event may have a hundred thousand of them, each of which is asked about again and again: an expression costs a tenth of a call.';
revoke all on table private.audit_with_content from public, anon, authenticated, service_role;
