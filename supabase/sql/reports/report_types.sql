comment on table public.report_types is
  'The one list of report types. To add one, call private.create_report_type() in a migration.';
alter table public.report_types enable row level security;
revoke all on table public.report_types from anon, authenticated, service_role;
grant select on table public.report_types to authenticated;
drop policy if exists "everyone reads" on public.report_types;
create policy "everyone reads" on public.report_types for select to authenticated using (true);
