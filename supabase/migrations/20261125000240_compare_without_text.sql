-- Why: two functions on the way of every webhook cost more than what they do. One was planned at every call, being in SQL with a
-- pinned search path. The other wrote both versions of an event out as JSON, with their whole text, to see that they are the
-- same but for the effect; `*=` compares the rows as they are stored.

create or replace function private.as_object(p_value jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return case when jsonb_typeof(p_value) = 'string' then (p_value #>> '{}')::jsonb else p_value end;
end $$;

create or replace function private.keep_event() returns trigger
language plpgsql set search_path = '' as $$
declare
  -- What the row would be if only what may change had.
  v_allowed public.report_events := old;
begin
  if tg_op = 'UPDATE' then
    -- The generated column is computed after this trigger, from a column that is compared.
    v_allowed.status := new.status;
    if old.effect is null and new.effect is not null then
      v_allowed.effect := new.effect;
      v_allowed.channel := new.channel;
      v_allowed.applied_at := new.applied_at;
    elsif private.is_retention() and old.effect = 'superseded' and new.pruned_at is not null then
      v_allowed.research_report := null;
      v_allowed.research_metadata := null;
      v_allowed.final_data := null;
      v_allowed.pruned_at := new.pruned_at;
    end if;
    if v_allowed operator(pg_catalog.*=) new and v_allowed operator(pg_catalog.*<>) old then
      return new;
    end if;
  end if;
  raise exception 'report_events is append-only: only its effect is set, once' using errcode = 'PL001';
end $$;

select private.apply_grants();
