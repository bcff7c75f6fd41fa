comment on table public.alerts is
  'One row per incident: a rule that was broken, by one subject. Pending, firing, resolved; one that never fired is deleted. It holds only ids, counts and our own words.';
comment on column public.alerts.subject is 'The endpoint, stage (`none`: jobs without a report), table, address, secret or rule that it is about; empty where the rule has no subjects.';
comment on column public.alerts.pending_since is 'When it was first seen to be bad.';
comment on column public.alerts.good_since is 'Since when a firing alert is seen to be good again; null: it is bad.';
comment on column public.alerts.notified_at is 'When its delivery was written; null: it is silenced, or no address was configured.';
comment on column public.alerts.last_value is 'In the unit of its rule.';
comment on column public.alerts.affected is 'How many are affected: deliveries, jobs, attempts, rows.';
alter table public.alerts enable row level security;
revoke all on table public.alerts from anon, authenticated, service_role;
grant select on table public.alerts to authenticated;
drop policy if exists "operators read" on public.alerts;
create policy "operators read" on public.alerts for select to authenticated
  using ((select private.is_operator()));
