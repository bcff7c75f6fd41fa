create or replace function private.keep_event()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  -- The old row with only the permitted changes.
  v_allowed public.report_events := old;
  -- Comparing NEW directly would expand its stored texts, and the returned row would be stored with new copies of them.
  v_new public.report_events := new;
begin
  if tg_op = 'UPDATE' then
    -- The generated column is computed after this trigger, from a column that is compared.
    v_allowed.status := new.status;
    if old.effect is null and new.effect is not null then
      v_allowed.effect := new.effect;
      v_allowed.channel := new.channel;
      v_allowed.applied_at := new.applied_at;
      v_allowed.position := new.position;
      v_allowed.settings_revision := new.settings_revision;
      v_allowed.applied_xid := new.applied_xid;
    elsif private.is_retention() and old.erased_at is null and new.erased_at is not null then
      v_allowed.erased_at := new.erased_at;
      v_allowed.digest := new.digest;
      v_allowed.error := null;
    end if;
    if v_allowed operator(pg_catalog.*=) v_new and v_allowed operator(pg_catalog.*<>) old then
      return new;
    end if;
  end if;
  raise exception 'report_events is append-only: only the effect can be set, once' using errcode = 'PL001';
end
$$;

comment on function private.keep_event() is
  'Refuses every change of an event but the one that records its effect and the one that says its content was erased.';
revoke all on function private.keep_event() from public, anon, authenticated, service_role;
