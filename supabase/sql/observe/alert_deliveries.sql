comment on table public.alert_deliveries is
  'Alert messages: one row for each transition that is sent. Written in the transaction of the transition; no claim, limit or circuit of webhooks touches it.';
comment on column public.alert_deliveries.id is 'The webhook-id of each attempt: a receiver drops what it has seen.';
comment on column public.alert_deliveries.alert is 'The alert at that moment, from which the message is composed: every attempt has the same bytes.';
comment on column public.alert_deliveries.lease_token is 'Fencing token: raised by every claim and every recorded failure.';
comment on column public.alert_deliveries.dead_at is 'It could not be delivered for a day.';
comment on column public.alert_deliveries.error is 'Why the last attempt failed, in our own words.';
comment on column public.alert_deliveries.host is 'The host that confirmed it: the rest of an address may be what admits us.';
alter table public.alert_deliveries enable row level security;
revoke all on table public.alert_deliveries from anon, authenticated, service_role;
grant select on table public.alert_deliveries to authenticated;
drop policy if exists "operators read" on public.alert_deliveries;
create policy "operators read" on public.alert_deliveries for select to authenticated
  using ((select private.is_operator()));
