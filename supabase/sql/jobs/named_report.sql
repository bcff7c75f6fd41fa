create or replace function private.named_report(p_metadata jsonb, p_key text, out report_type text, out report_id uuid)
returns record
language plpgsql stable set search_path = '' as $$
declare
  v_type text := p_metadata ->> 'report_type';
  v_id text := p_metadata ->> 'report_id';
begin
  if v_type is null or v_id is null then
    v_type := split_part(p_key, ':', 1);
    v_id := split_part(p_key, ':', 2);
  end if;
  v_type := case v_type when 'organization' then 'org' when 'requirements' then 'requirement' else v_type end;
  if private.report_table(v_type) is not null and v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    report_type := v_type;
    report_id := v_id;
  end if;
end
$$;

comment on function private.named_report(jsonb, text) is
  'The report that a job of the platform names, in its metadata or by a key of the form greeting:<report id>.';
revoke all on function private.named_report(jsonb, text) from public, anon, authenticated, service_role;
