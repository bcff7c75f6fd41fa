comment on table public.webhook_circuits is
  'The circuit breaker, one row per endpoint. Written only when it opens, probes or closes.';
comment on column public.webhook_circuits.opened_at is 'Null: closed. Else open until probe_after, and half-open from then on.';
comment on column public.webhook_circuits.closed_at is 'Earlier attempts do not count.';
comment on column public.webhook_circuits.probe_lease_expires_at is 'Until then the probe is under way; a prober that died loses it.';
alter table public.webhook_circuits enable row level security;
revoke all on table public.webhook_circuits from anon, authenticated, service_role;
grant select on table public.webhook_circuits to authenticated;
drop policy if exists "operators read" on public.webhook_circuits;
create policy "operators read" on public.webhook_circuits for select to authenticated
  using ((select private.is_operator()));
