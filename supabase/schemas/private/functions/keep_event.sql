CREATE OR REPLACE FUNCTION private.keep_event()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
end $function$;

COMMENT ON FUNCTION "private"."keep_event"() IS 'Refuses every change of an event but the one that records its effect.';

REVOKE ALL ON FUNCTION "private"."keep_event"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_event"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_event"() TO "postgres";
