-- Why: bodies of every format version, and the filters of subscribers

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/events/body_1_to_0.sql
create or replace function private.body_1_to_0(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_flat text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_flat := array_append(v_flat, substr(p_members[i], length('data.') + 1));
      v_flat := array_append(v_flat, p_members[i + 1]);
    end if;
  end loop;
  return v_flat;
end
$$;

comment on function private.body_1_to_0(text[]) is
  'A body of version 1 in version 0, the platform''s flat form: the members of data at the top level, without type and timestamp.';
revoke all on function private.body_1_to_0(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_2_to_1.sql
create or replace function private.body_2_to_1(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_kept text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if p_members[i] not in ('data.position', 'data.stage', 'data.channel') then
      -- One by one: PL/pgSQL appends in place, and copies the whole array, with its large texts, at every `||`.
      v_kept := array_append(v_kept, p_members[i]);
      v_kept := array_append(v_kept, p_members[i + 1]);
    end if;
  end loop;
  return v_kept;
end
$$;

comment on function private.body_2_to_1(text[]) is
  'A body of version 2 in version 1, which has no position, stage and channel. Members as body_members() returns them.';
revoke all on function private.body_2_to_1(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_members.sql
create or replace function private.body_members(p_event public.report_events, p_body text)
returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_is_deletion constant boolean := p_event.type = 'report.deleted';
  v_content private.report_contents;
begin
  if not v_is_deletion then
    -- Also of a thin body: nothing is sent of an event whose content is missing.
    v_content := private.content_of(p_event);
  end if;
  return array[
      'type', to_json(p_event.type)::text,
      'timestamp', '"' || private.iso_time(p_event.created_at) || '"',
      'data.job_id', coalesce(to_json(p_event.job_id)::text, 'null'),
      'data.report_id', '"' || p_event.report_id::text || '"',
      'data.report_type', to_json(p_event.report_type)::text,
      'data.position', coalesce(p_event.position::text, 'null'),
      'data.stage', coalesce(to_json(p_event.stage)::text, 'null'),
      'data.channel', coalesce(to_json(p_event.channel)::text, 'null'),
      -- The flat body has no type: without this word, a deletion would read as a completed report.
      'data.research_status', case when v_is_deletion then '"deleted"' else '"' || p_event.status || '"' end,
      'data.requested_at', '"' || private.iso_time(p_event.requested_at) || '"']
    || case
      when v_is_deletion then null
      when p_body = 'thin' then array['data.content_url', '"/api/endpoints/events?event_id=' || p_event.id || '"']
      -- Each member apart, since the columns may be null.
      else case when v_content.research_report is not null
          then array['data.research_report', to_json(v_content.research_report)::text] end
        || case when v_content.research_metadata is not null
          then array['data.research_metadata', v_content.research_metadata::text] end
        || case when v_content.final_data is not null
          then array['data.final_data', v_content.final_data::text] end
    end
    || case when p_event.error is not null then array['data.error', to_json(p_event.error)::text] end;
end
$$;

comment on function private.body_members(public.report_events, text) is
  'An event''s body in the one shape that all versions are made from: paths and raw JSON values in turn, in the newest version.';
revoke all on function private.body_members(public.report_events, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_of.sql
create or replace function private.body_of(p_event public.report_events, p_version int, p_body text)
returns text
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2;
  v_members text[];
begin
  if p_version not between 0 and c_newest or p_body not in ('full', 'thin') or num_nulls(p_version, p_body) > 0 then
    raise exception 'no body % of version %', p_body, p_version using errcode = 'PL004';
  end if;
  v_members := private.body_members(p_event, p_body);
  if p_version < 2 then
    v_members := private.body_2_to_1(v_members);
  end if;
  if p_version < 1 then
    v_members := private.body_1_to_0(v_members);
  end if;
  return private.print_body(v_members);
end
$$;

comment on function private.body_of(public.report_events, int, text) is
  'The body of an event''s webhook in a format version (src/contracts/format-versions.ts), full or thin: a function of the event alone. Version 1 in full is what envelope() returns.';
revoke all on function private.body_of(public.report_events, int, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/envelope.sql
create or replace function private.envelope(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents := private.content_of(p_event);
begin
  -- Concatenated, since jsonb would reorder the members and parse the text again. format_version 1.
  return '{"type":' || to_json(p_event.type)::text || ',"timestamp":"' || private.iso_time(p_event.created_at)
    || '","data":{"job_id":' || coalesce(to_json(p_event.job_id)::text, 'null')
    || ',"report_id":"' || p_event.report_id::text || '","report_type":' || to_json(p_event.report_type)::text
    || ',"research_status":"' || p_event.status || '","requested_at":"' || private.iso_time(p_event.requested_at) || '"'
    || coalesce(',"research_report":' || to_json(v_content.research_report)::text, '')
    || coalesce(',"research_metadata":' || v_content.research_metadata::text, '')
    || coalesce(',"final_data":' || v_content.final_data::text, '')
    || coalesce(',"error":' || to_json(p_event.error)::text, '') || '}}';
end
$$;

comment on function private.envelope(public.report_events) is
  'The body of an event''s webhook to our own endpoints, a function of the event alone: the same bytes on every attempt and every path. Format version 1 in full, as body_of() makes it for subscribers, but without its steps: they would make each delivery of ours slower.';
revoke all on function private.envelope(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/print_body.sql
create or replace function private.print_body(p_members text[])
returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_top text[] := '{}';
  v_data text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_data := array_append(v_data, '"' || substr(p_members[i], length('data.') + 1) || '":' || p_members[i + 1]);
    else
      v_top := array_append(v_top, '"' || p_members[i] || '":' || p_members[i + 1]);
    end if;
  end loop;
  if v_data <> '{}' then
    v_top := array_append(v_top, '"data":{' || array_to_string(v_data, ',') || '}');
  end if;
  return '{' || array_to_string(v_top, ',') || '}';
end
$$;

comment on function private.print_body(text[]) is
  'The JSON text of a body''s members. Concatenated: jsonb would reorder the members and parse every value again.';
revoke all on function private.print_body(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_document.sql
create or replace function private.filter_document(p_event public.report_events, p_metadata jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- The metadata is not pruned to what a filter may see: the compiled path looks at no more than its own members, and says
  -- itself which of them count as absent.
  return jsonb_build_object(
    'type', p_event.type, 'report_type', p_event.report_type, 'stage', p_event.stage,
    'status', case when p_event.type = 'report.deleted' then 'deleted' else p_event.status end,
    'channel', p_event.channel, 'metadata', p_metadata);
end
$$;

comment on function private.filter_document(public.report_events, jsonb) is
  'What the filters of subscribers see of an event: {type, report_type, stage, status, channel, metadata}.';
revoke all on function private.filter_document(public.report_events, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_matches.sql
create or replace function private.filter_matches(p_document jsonb, p_path jsonpath)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- Silent: without it, a member of another type would abort the effect that is being recorded. A path with a variable raises
  -- even so; compiled ones have none.
  return coalesce(jsonb_path_match(p_document, p_path, silent => true), false);
end
$$;

comment on function private.filter_matches(jsonb, jsonpath) is
  'Whether a compiled filter (src/server/deliver/filters/compile.ts) matches a filter_document(). What cannot be decided is no match, and no error.';
revoke all on function private.filter_matches(jsonb, jsonpath) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_values.sql
create or replace function private.filter_values(p_document jsonb, p_paths text[])
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_values jsonb := '[]';
  v_path text;
  v_name text;
  v_value jsonb;
begin
  foreach v_path in array p_paths loop
    v_value := p_document;
    foreach v_name in array string_to_array(v_path, '.') loop
      -- Of an array, -> with a text is null.
      v_value := v_value -> v_name;
    end loop;
    v_values := v_values || jsonb_build_array(case
      when v_value is null or jsonb_typeof(v_value) in ('object', 'array') then null
      -- The text of a number: as a JSON number, JavaScript would round it.
      when jsonb_typeof(v_value) = 'string' and length(v_value #>> '{}') > 256 then null
      else jsonb_build_array(jsonb_typeof(v_value), v_value #>> '{}') end);
  end loop;
  return v_values;
end
$$;

comment on function private.filter_values(jsonb, text[]) is
  'The values that a filter sees at these paths of a filter_document(), each [type, text], or null where the member is absent: for the explanation of a decision.';
revoke all on function private.filter_values(jsonb, text[]) from public, anon, authenticated, service_role;
