-- Why: an imported event whose job's row was gone named no job, and the endpoints take no event without one: its delivery was
-- refused for ever. Such an event is its own job now. And numbers were kept as the first version wrote them, `1.0`, which come
-- back from a sender as `1`: another content. On a database that imported nothing this changes nothing.

create function private.with_plain_numbers(p_value jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return case jsonb_typeof(p_value)
    when 'number' then to_jsonb(trim_scale((p_value #>> '{}')::numeric))
    when 'array' then (
      select coalesce(jsonb_agg(private.with_plain_numbers(element) order by place), '[]')
      from jsonb_array_elements(p_value) with ordinality as elements (element, place))
    when 'object' then (
      select coalesce(jsonb_object_agg(key, private.with_plain_numbers(value)), '{}') from jsonb_each(p_value))
    else p_value
  end;
end $$;

-- What is nested too deeply to be followed stays as it is.
create function private.with_plain_numbers_if_possible(p_value jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return private.with_plain_numbers(p_value);
exception when statement_too_complex then
  return p_value;
end $$;

alter table public.report_events disable trigger keep_event;
with content as (
  select id, coalesce(job_id, id) as job_id, private.with_plain_numbers_if_possible(research_metadata) as research_metadata
  from public.report_events where channel = 'import'
)
update public.report_events event
set job_id = content.job_id, research_metadata = content.research_metadata,
  digest = private.content_digest(event.type, private.without_nulls(jsonb_build_object(
    'job_id', content.job_id, 'report_id', event.report_id, 'report_type', event.report_type,
    'research_report', event.research_report, 'research_status', event.status,
    'research_metadata', content.research_metadata, 'error', event.error)))
from content where content.id = event.id;
alter table public.report_events enable trigger keep_event;

drop function private.with_plain_numbers_if_possible(jsonb);
drop function private.with_plain_numbers(jsonb);
