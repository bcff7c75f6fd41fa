create or replace function private.body_of(p_event public.report_events, p_version int, p_body text)
returns text
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2;
  -- A body of 1 MiB that an endpoint accepts prints as less, unless many of its numbers have short exponents.
  c_bytes constant int := 2097152;
  v_members text[];
  v_printed text;
begin
  if p_version not between 0 and c_newest or p_body not in ('full', 'thin') or num_nulls(p_version, p_body) > 0 then
    raise exception 'body % does not exist in format version %', p_body, p_version using errcode = 'PL004';
  end if;
  -- Only of these channels: all others are refused such numbers.
  if p_body = 'full' and p_event.channel in ('platform', 'import')
    and (select private.has_long_number(research_metadata) from private.report_contents where event_id = p_event.id)
  then
    return null;
  end if;
  v_members := private.body_members(p_event, p_body);
  if p_version < 2 then
    v_members := private.body_2_to_1(v_members);
  end if;
  if p_version < 1 then
    v_members := private.body_1_to_0(v_members);
  end if;
  v_printed := private.print_body(v_members);
  return case when octet_length(v_printed) <= c_bytes then v_printed end;
end
$$;

comment on function private.body_of(public.report_events, int, text) is
  'The body of an event''s webhook in a format version (src/contracts/format-versions.ts), full or thin: a function of the event alone. Version 1 in full is what envelope() returns. Null: it would have more than 2 MiB, so it cannot be sent.';
revoke all on function private.body_of(public.report_events, int, text) from public, anon, authenticated, service_role;
