comment on table public.alert_silences is
  'Alerts that are not sent until then: by rule and by subject. They are evaluated and shown all the time.';
comment on column public.alert_silences.rule is 'A `*` stands for any text; null: every rule.';
comment on column public.alert_silences.subject is 'A `*` stands for any text; null: every subject.';
comment on column public.alert_silences.author is 'The id of the operator.';
alter table public.alert_silences enable row level security;
revoke all on table public.alert_silences from anon, authenticated, service_role;
grant select on table public.alert_silences to authenticated;
drop policy if exists "operators read" on public.alert_silences;
create policy "operators read" on public.alert_silences for select to authenticated
  using ((select private.is_operator()));
