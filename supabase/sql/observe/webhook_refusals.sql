comment on table public.webhook_refusals is
  'Requests a minute that were refused unverified or over their rate: beyond a cap they are only counted, so that nobody can fill the audit.';
comment on column public.webhook_refusals.part is 'A minute has up to eight rows, so that callers do not queue at one.';
alter table public.webhook_refusals enable row level security;
revoke all on table public.webhook_refusals from anon, authenticated, service_role;
grant select on table public.webhook_refusals to authenticated;
drop policy if exists "operators read" on public.webhook_refusals;
create policy "operators read" on public.webhook_refusals for select to authenticated
  using ((select private.is_operator()));
