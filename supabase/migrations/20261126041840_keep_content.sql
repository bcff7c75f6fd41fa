-- Why: An event whose content is missing is neither applied nor sent.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/events/content_of.sql
create or replace function private.content_of(p_event public.report_events)
returns private.report_contents
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if v_content.event_id is null then
    -- Shown or sent without it, an event would take away the report's text, or be refused for good.
    raise exception 'the content of event % is missing', p_event.id using errcode = 'PL008';
  end if;
  return v_content;
end
$$;

comment on function private.content_of(public.report_events) is
  'The content of an event that is not erased. Raises PL008 where somebody has removed it: the event waits until it is back.';
revoke all on function private.content_of(public.report_events) from public, anon, authenticated, service_role;

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
  'The body of an event''s webhook, a function of the event alone: the same bytes on every attempt and every path.';
revoke all on function private.envelope(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/show_effect.sql
create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    v_content := private.content_of(p_event);
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', private.report_table(p_event.report_type))
    using v_content.research_report,
      private.shown_metadata(v_content),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/take_effect.sql
create or replace function private.take_effect(p_event public.report_events, p_channel text, p_owner uuid)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  perform private.content_of(p_event);
  update public.report_events
  set effect = private.decide_effect(p_event), channel = p_channel, applied_at = clock_timestamp(),
    position = private.next_position(p_event.report_type, p_event.report_id)
  where id = p_event.id
  returning * into p_event;
  if p_event.effect = 'superseded' or p_event.status = 'failed' then
    update private.report_contents set lost_at = p_event.applied_at where event_id = p_event.id;
  end if;
  perform private.show_effect(p_event, p_owner);
  return p_event.effect;
end
$$;

comment on function private.take_effect(public.report_events, text, uuid) is
  'Applies an event that was recorded without an effect. The caller holds the lock of the report, whose owner is p_owner. Returns the effect.';
revoke all on function private.take_effect(public.report_events, text, uuid) from public, anon, authenticated, service_role;
