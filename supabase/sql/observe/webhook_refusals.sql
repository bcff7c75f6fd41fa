comment on table public.webhook_refusals is
  'Unverified requests a minute: beyond a cap they are only counted, so that unauthenticated callers cannot fill the audit.';
alter table public.webhook_refusals enable row level security;
revoke all on table public.webhook_refusals from anon, authenticated, service_role;
grant select on table public.webhook_refusals to authenticated;
drop policy if exists "operators read" on public.webhook_refusals;
create policy "operators read" on public.webhook_refusals for select to authenticated
  using ((select private.is_operator()));
