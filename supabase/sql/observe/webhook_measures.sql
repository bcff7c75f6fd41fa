create or replace view private.webhook_measures with (security_invoker = true) as
  select audit.created_at, audit.direction, audit.endpoint_id, type.report_type, audit.outcome,
    -- Buckets 5 % wide: bucket n holds durations over 1.05^(n - 1) and up to 1.05^n milliseconds.
    -- Requests rejected because of a rate are answered at once, and say nothing about the duration of a webhook.
    case when audit.duration_ms is not null and audit.outcome <> 'rate_limited' then
      ceil(ln(greatest(audit.duration_ms, 0.01)::double precision) / ln(1.05::double precision))::int end as bucket,
    coalesce(audit.request_payload ->> 'type' like 'report.%.failed', false) as reports_failure
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null and audit.endpoint_id is not null
    and (audit.direction = 'out' or audit.actor is null);

comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for. reports_failure: it brings the news of a failed generation.';
revoke all on table private.webhook_measures from public, anon, authenticated, service_role;
grant select on table private.webhook_measures to authenticated;
