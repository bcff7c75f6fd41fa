create or replace function private.read_body(p_body text, p_endpoint_id text)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  v_body jsonb := p_body;
  -- The platform's first version sends the members of `data` at the top level, without a type.
  v_is_flat boolean := not v_body ? 'data';
  v_data jsonb := case when v_is_flat then v_body else v_body -> 'data' end;
  v_result private.incoming_result;
begin
  v_result.stage := (select stage from public.webhook_endpoints where id = p_endpoint_id);
  v_result.type := case when v_is_flat
    then format('report.%s.%s', v_result.stage, v_data ->> 'research_status') else v_body ->> 'type' end;
  v_result.report_type := v_data ->> 'report_type';
  v_result.report_id := v_data ->> 'report_id';
  v_result.job_id := v_data ->> 'job_id';
  v_result.requested_at := case when not v_is_flat then coalesce(v_data ->> 'requested_at', v_body ->> 'timestamp') end;
  v_result.research_report := v_data ->> 'research_report';
  v_result.research_metadata := nullif(v_data -> 'research_metadata', 'null');
  v_result.final_data := nullif(v_data -> 'final_data', 'null');
  v_result.error := v_data ->> 'error';
  return v_result;
end
$$;

comment on function private.read_body(text, text) is
  'The result in a verified body of a webhook. requested_at is null in the platform''s flat form, which has no time.';
revoke all on function private.read_body(text, text) from public, anon, authenticated, service_role;
