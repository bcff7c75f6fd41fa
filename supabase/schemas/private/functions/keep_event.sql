CREATE OR REPLACE FUNCTION private.keep_event()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_content constant text[] := '{research_report,research_metadata,final_data,pruned_at,status}';
begin
  -- The generated column is computed after this trigger, from a column that is compared.
  if tg_op = 'UPDATE'
    and old.effect is null and new.effect is not null
    and to_jsonb(old) - '{effect,channel,applied_at,status}'::text[]
      = to_jsonb(new) - '{effect,channel,applied_at,status}'::text[]
  then
    return new;
  elsif tg_op = 'UPDATE' and private.is_retention() and old.effect = 'superseded' and new.pruned_at is not null
    and num_nonnulls(new.research_report, new.research_metadata, new.final_data) = 0
    and to_jsonb(old) - v_content = to_jsonb(new) - v_content
  then
    return new;
  end if;
  raise exception 'report_events is append-only: only its effect is set, once' using errcode = 'PL001';
end $function$;

COMMENT ON FUNCTION "private"."keep_event"() IS 'Refuses every change of an event but the one that records its effect.';

REVOKE ALL ON FUNCTION "private"."keep_event"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_event"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_event"() TO "postgres";
