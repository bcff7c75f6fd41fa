comment on table public.plans is
  'Operators'' actions on many deliveries: requested once, worked off in slices by the request and by sweeps.';
comment on column public.plans.id is 'From 1: 0 is the plan of live deliveries (webhook_deliveries.plan).';
comment on column public.plans.request_id is 'Of the request, minted by who asked: a repeated one is recognised by it.';
comment on column public.plans.filter is 'Which deliveries it is about. Those that were made, sent or became dead letters after created_at are not.';
comment on column public.plans.actor is 'The id of the operator who asked.';
comment on column public.plans.total is 'How many matched when it was requested. Null: more deliveries than were counted.';
comment on column public.plans.outcomes is
  'How many of each outcome: redriven; brought_forward (due before its slot); changed (the plan is not about it any more); held and error are of the present pass alone.';
comment on column public.plans.preview is 'The preview of a replay at the time of its proposal.';
comment on column public.plans.applied_at is 'When a proposed plan was begun: it is about events until then.';
comment on column public.plans.applied_xid is 'A transaction after that: until all before it have ended, the plan waits.';
comment on column public.plans.position is 'Where the next slice begins: {at, id} of the last delivery that was looked at. Null: at the beginning.';
comment on column public.plans.passes is 'Passes that are over. Another one follows while some deliveries were held or failed.';
comment on column public.plans.faults is 'Slices in a row that failed as a whole.';
alter table public.plans enable row level security;
revoke all on table public.plans from anon, authenticated, service_role;
revoke all on sequence public.plans_id_seq from anon, authenticated, service_role;
grant select on table public.plans to authenticated;
drop policy if exists "operators read" on public.plans;
create policy "operators read" on public.plans for select to authenticated
  using ((select private.is_operator()));
