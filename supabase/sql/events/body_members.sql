create or replace function private.body_members(p_event public.report_events, p_body text)
returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_is_deletion constant boolean := p_event.type = 'report.deleted';
  v_content private.report_contents;
begin
  if not v_is_deletion then
    -- Checked for a thin body too: an event whose content is missing is not sent.
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
      -- The flat body has no type: without this status, a deletion would look like a completed report.
      'data.research_status', case when v_is_deletion then '"deleted"' else '"' || p_event.status || '"' end,
      'data.requested_at', '"' || private.iso_time(p_event.requested_at) || '"']
    || case
      when v_is_deletion then null
      when p_body = 'thin' then array['data.content_url', '"/api/endpoints/events?event_id=' || p_event.id || '"']
      -- Separately, since each column may be null.
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
