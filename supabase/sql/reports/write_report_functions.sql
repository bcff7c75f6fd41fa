create or replace function private.write_report_functions()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_delivery constant text :=
    'webhook_status = case when p_delivery.id is null then webhook_status else p_delivery.status end,
             webhook_attempts = case when p_delivery.id is null then webhook_attempts else p_delivery.attempts end,
             webhook_last_attempt = case when p_delivery.id is null then webhook_last_attempt else p_delivery.last_attempt end,
             webhook_response = case when p_delivery.id is null then webhook_response else p_delivery.response end,
             webhook_job_id = case when p_delivery.id is null then webhook_job_id else p_delivery.job_id end';
begin
  execute format(
    'create or replace function private.report_table(p_report_type text)
     returns text
     language plpgsql stable set search_path = '''' as $body$
     begin
       return case when p_report_type is null then null %s end;
     end
     $body$',
    (select string_agg(format('when p_report_type = %L then %L', report_type, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_table(text) is
    'The table that holds reports of this type, without its schema. Null: no such type.';
  revoke all on function private.report_table(text) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.report_row(
       p_report_type text, p_report_id uuid, p_lock boolean, out owner uuid, out summary_id uuid, out winner_event_id text)
     returns record
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''no report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_lock then
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id for no key update;
         else
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id;
         end if;
         return;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_row(text, uuid, boolean) is
    'What links a report to others: its owner, its summary and its winner. All null: there is no such report. p_lock: until the transaction ends, no other transaction changes the row.';
  revoke all on function private.report_row(text, uuid, boolean) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_in_report(
       p_report_type text, p_report_id uuid, p_status public.research_status, p_winner public.report_events default null,
       p_delivery public.webhook_deliveries default null)
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''no report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_winner.id is null then
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             %s
           where id = p_report_id and (p_delivery.id is not null or research_status <> p_status);
         else
           -- Copied as it is stored: a text out of a variable would be compressed again.
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             research_report = content.research_report, research_metadata = private.shown_metadata(content),
             stage = p_winner.stage, winner_event_id = p_winner.id,
             %s
           from private.report_contents content
           where id = p_report_id and content.event_id = p_winner.id;
           if not found then
             perform private.content_of(p_winner);
           end if;
         end if;
         return;
       end if;',
      report_type, table_name, c_delivery, table_name, c_delivery), ' ' order by report_type) from public.report_types));
  comment on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries) is
    'The one writer of what a report''s row shows: the status, a new winner with its content, the state of a delivery; null is left as it was. All at once where all changes: a second update of a row in its transaction checks each of its foreign keys again. The caller holds the report''s lock. Raises PL008 where the winner''s content is missing.';
  revoke all on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries)
    from public, anon, authenticated, service_role;
end
$$;

comment on function private.write_report_functions() is
  'Writes the functions that name the report tables: report_table(), report_row() and show_in_report(). A statement that is executed as a text is planned at each call; theirs are planned once in a session. add_report_type() calls it.';
revoke all on function private.write_report_functions() from public, anon, authenticated, service_role;
