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
  -- Not the whole row, for which PostgreSQL would fetch the text.
  c_metadata constant text := 'private.shown_metadata(
             row(null, null, content.research_metadata, content.final_data, null)::private.report_contents)';
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
       raise exception ''unknown report type %%'', p_report_type using errcode = ''PL004'';
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
    'The references of a report: its owner, its summary and its winner. All null: the report does not exist. p_lock: until the transaction ends, no other transaction changes the row.';
  revoke all on function private.report_row(text, uuid, boolean) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.lock_free_reports(p_report_type text, p_report_ids uuid[])
     returns table (report_id uuid, owner uuid, winner_event_id text)
     language plpgsql volatile set search_path = '''' as $body$
     declare
       v_owners uuid[];
       v_summaries uuid[];
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         select array_agg(distinct user_id), array_agg(distinct summary_id) into v_owners, v_summaries
         from public.%I where id = any (p_report_ids);
         v_owners := array(select id from auth.users where id = any (v_owners) order by id for key share skip locked);
         v_summaries := array(
           select id from public.polaris_summaries where id = any (v_summaries) order by id for key share skip locked);
         return query
         select report.id, report.user_id, report.winner_event_id from public.%I report
         where report.id = any (p_report_ids) and report.user_id = any (v_owners)
           and (report.summary_id is null or report.summary_id = any (v_summaries))
           and not exists (
             select from private.reports_to_import import
             where import.report_type = p_report_type and import.report_id = report.id)
         order by report.id for no key update of report skip locked;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.lock_free_reports(text, uuid[]) is
    'Locks, as locked_report() does, those of these reports that nobody else holds and that are imported, and returns them with their owners and winners. It waits for nothing.';
  revoke all on function private.lock_free_reports(text, uuid[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_new_winners(p_report_type text, p_event_ids text[])
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         -- Copied in its stored form: a text from a variable would be compressed again.
         update public.%I report
         set research_status = ''completed'', updated_at = now(),
           research_report = content.research_report, research_metadata = %s,
           stage = event.stage, winner_event_id = event.id,
           webhook_status = delivery.status, webhook_attempts = delivery.attempts,
           webhook_last_attempt = delivery.last_attempt, webhook_response = delivery.response, webhook_job_id = delivery.job_id
         from public.report_events event
         join private.report_contents content on content.event_id = event.id
         join public.webhook_deliveries delivery on delivery.event_id = event.id and delivery.position is null
         where event.id = any (p_event_ids) and report.id = event.report_id;
       end if;', report_type, table_name, c_metadata), ' ' order by report_type) from public.report_types));
  comment on function private.show_new_winners(text, text[]) is
    'Shows new results in their reports, as show_in_report() does: each with its delivery to our own endpoint, and as the newest of its report. The caller holds the reports'' locks.';
  revoke all on function private.show_new_winners(text, text[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_in_report(
       p_report_type text, p_report_id uuid, p_status public.research_status, p_winner public.report_events default null,
       p_delivery public.webhook_deliveries default null)
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''unknown report type %%'', p_report_type using errcode = ''PL004'';
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
           -- Copied in its stored form: a text from a variable would be compressed again.
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             research_report = content.research_report, research_metadata = %s,
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
      report_type, table_name, c_delivery, table_name, c_metadata, c_delivery), ' ' order by report_type) from public.report_types));
  comment on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries) is
    'The one writer of what a report''s row shows: the status, a new winner with its content, the state of a delivery; null is left as it was. All at once where all changes: a second update of a row in its transaction checks each of its foreign keys again. The caller holds the report''s lock. Raises PL008 where the winner''s content is missing.';
  revoke all on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries)
    from public, anon, authenticated, service_role;
end
$$;

comment on function private.write_report_functions() is
  'Writes the functions that name the report tables: report_table(), report_row(), lock_free_reports(), show_new_winners() and show_in_report(). A statement that is executed as a text is planned at each call; theirs are planned once in a session. add_report_type() calls it.';
revoke all on function private.write_report_functions() from public, anon, authenticated, service_role;
