create or replace function private.strip_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if jsonb_typeof(new.request_payload) <> 'object' then
    -- Of another form, it may be the text itself.
    new.request_payload := null;
  end if;
  new.request_payload := new.request_payload - '{research_report,research_metadata,final_data,result}'::text[];
  if jsonb_typeof(new.request_payload -> 'data') = 'object' then
    new.request_payload := jsonb_set(
      new.request_payload, '{data}',
      (new.request_payload -> 'data') - '{research_report,research_metadata,final_data,result}'::text[]);
  end if;
  return new;
end
$$;

comment on function private.strip_audit() is
  'Audit rows of the platform lose the text of the report: contents stand in one place.';
revoke all on function private.strip_audit() from public, anon, authenticated, service_role;
