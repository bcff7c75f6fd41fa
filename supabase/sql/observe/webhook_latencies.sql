comment on table public.webhook_latencies is
  'How long attempts and requests took, in the same slots.';
comment on column public.webhook_latencies.bucket is
  'Counts durations over 1.05^(bucket - 1) and up to 1.05^bucket milliseconds: 5 % wide, so that its middle is 2.5 % off at most.';
alter table public.webhook_latencies enable row level security;
revoke all on table public.webhook_latencies from anon, authenticated, service_role;
grant select on table public.webhook_latencies to authenticated;
drop policy if exists "operators read" on public.webhook_latencies;
create policy "operators read" on public.webhook_latencies for select to authenticated
  using ((select private.is_operator()));
