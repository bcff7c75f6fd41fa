comment on table public.webhook_counts is
  'Attempts and requests by endpoint and outcome: in slots of 15 minutes for the last day, and of 120 for the last week.';
comment on column public.webhook_counts.slot is 'Its beginning.';
comment on column public.webhook_counts.report_type is 'Null: a request that named none, as refused ones do.';
comment on column public.webhook_counts.reports_failure is 'They bring the news of a failed generation.';
alter table public.webhook_counts enable row level security;
revoke all on table public.webhook_counts from anon, authenticated, service_role;
grant select on table public.webhook_counts to authenticated;
drop policy if exists "operators read" on public.webhook_counts;
create policy "operators read" on public.webhook_counts for select to authenticated
  using ((select private.is_operator()));
