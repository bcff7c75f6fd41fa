create or replace view private.audit_rows with (security_invoker = true) as
  select audit.id, audit.created_at, audit.direction, coalesce(audit.endpoint_id, audit.webhook_type) as endpoint_id,
    audit.request_payload ->> 'endpoint' as endpoint, audit.outcome, audit.response_status, type.report_type,
    audit.report_id, audit.job_id, audit.event_id, audit.attempt_number, audit.duration_ms, audit.error_message, audit.actor,
    -- As it is indexed: endpoint_id above may be of the platform's column.
    audit.endpoint_id as indexed_endpoint_id
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table;

comment on view private.audit_rows is 'A row of the audit in a list: without payload and answer.';
revoke all on table private.audit_rows from public, anon, authenticated, service_role;
grant select on table private.audit_rows to authenticated;
