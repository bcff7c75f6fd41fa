comment on table public.report_notifications is
  'Notifies the report''s owner of a completed final: written with the effect.';
alter table public.report_notifications enable row level security;
revoke all on table public.report_notifications from anon, authenticated, service_role;
revoke all on sequence public.report_notifications_id_seq from anon, authenticated, service_role;
grant select on table public.report_notifications to authenticated;
grant update (read_at) on table public.report_notifications to authenticated;
drop policy if exists "owners read" on public.report_notifications;
create policy "owners read" on public.report_notifications for select to authenticated
  using (user_id = (select auth.uid()));
drop policy if exists "owners mark as read" on public.report_notifications;
create policy "owners mark as read" on public.report_notifications for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
