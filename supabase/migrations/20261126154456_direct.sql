-- Why: functions may call the database over a pool of connections, as a role that can execute what the server calls and nothing else.
--
-- Nobody can log in as the role before its operator gives it a password (docs/operations.md, Direct connection).
do $$
begin
  -- Roles belong to the cluster, so that another database may have made it, or may be about to.
  if not exists (select from pg_catalog.pg_roles where rolname = 'polaris_store') then
    begin
      create role polaris_store login noinherit;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end if;
  if exists (
      select from pg_catalog.pg_roles where rolname = 'polaris_store'
        and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication))
    or exists (select from pg_catalog.pg_auth_members where member = 'polaris_store'::regrole) then
    raise exception 'there is a role polaris_store already, and it may do more than execute functions'
      using hint = 'Drop that role, or take its attributes and memberships away, and push again.';
  end if;
  -- The time limit that each of the functions states: a statement that runs already takes no other from the function it calls,
  -- and no session of a transaction pooler can be relied on to keep one. Written only where it differs: two databases of one
  -- cluster may be migrated at once.
  if not coalesce((
      select rolconfig @> array['statement_timeout=7s', 'lock_timeout=8s', 'idle_in_transaction_session_timeout=5s', 'search_path=""']
      from pg_catalog.pg_roles where rolname = 'polaris_store'), false) then
    alter role polaris_store set statement_timeout = '7s';
    alter role polaris_store set lock_timeout = '8s';
    alter role polaris_store set idle_in_transaction_session_timeout = '5s';
    alter role polaris_store set search_path = '';
    comment on role polaris_store is
      'Whom the functions of Polaris log in as with STORE_DATABASE_URL: may execute what they call, and read and write no table.';
  end if;
  -- Everybody may use it unless somebody has taken that away.
  if not has_schema_privilege('polaris_store', 'public', 'usage') then
    grant usage on schema public to polaris_store;
  end if;
end
$$;

-- Generated from supabase/sql: edited there, written by npm run db:migration.

-- What service_role may execute, the role of the direct store may too.
grant execute on function public.account_content(text) to polaris_store;
grant execute on function public.apply_plan(pg_catalog.int4, text) to polaris_store;
grant execute on function public.apply_report_event(text, text, text, text, text, pg_catalog.int4, pg_catalog.numeric, text, pg_catalog.int4, text, text) to polaris_store;
grant execute on function public.begin_endpoint_check(text, text, text) to polaris_store;
grant execute on function public.cancel_plan(pg_catalog.int4, text) to polaris_store;
grant execute on function public.cancel_report_job(text, text) to polaris_store;
grant execute on function public.change_endpoint(text, pg_catalog.int8, jsonb, text, text, text) to polaris_store;
grant execute on function public.claim_alert_delivery(pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.claim_due_delivery(pg_catalog.int4, uuid, pg_catalog.int8[], pg_catalog.bool) to polaris_store;
grant execute on function public.claim_event_deliveries(text, pg_catalog.int4, uuid, pg_catalog.int4) to polaris_store;
grant execute on function public.claim_ping() to polaris_store;
grant execute on function public.claim_report_delivery(text, uuid, pg_catalog.int4, text, text, uuid) to polaris_store;
grant execute on function public.complete_report_job(text, text, pg_catalog.int4, pg_catalog.int8, text, text, text, text) to polaris_store;
grant execute on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) to polaris_store;
grant execute on function public.deployment_facts(pg_catalog.bool) to polaris_store;
grant execute on function public.due_report_jobs(pg_catalog.int4) to polaris_store;
grant execute on function public.endpoint_history(text) to polaris_store;
grant execute on function public.erase_due(pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.erase_user(uuid, pg_catalog.int4) to polaris_store;
grant execute on function public.evaluate_alerts(pg_catalog.bool, timestamptz, jsonb, pg_catalog.bool) to polaris_store;
grant execute on function public.event_samples(pg_catalog.int4, text, text[], text) to polaris_store;
grant execute on function public.explain_fan_out(text, text, text[]) to polaris_store;
grant execute on function public.get_failed_webhooks(pg_catalog.int4, pg_catalog.int4) to polaris_store;
grant execute on function public.get_report_job(text, text) to polaris_store;
grant execute on function public.import_reports(pg_catalog.int4) to polaris_store;
grant execute on function public.keep_subscribers(pg_catalog.int4, pg_catalog.int4) to polaris_store;
grant execute on function public.list_endpoints(text, pg_catalog.bool) to polaris_store;
grant execute on function public.metrics() to polaris_store;
grant execute on function public.move_endpoint(text, text, text) to polaris_store;
grant execute on function public.pause_unreadable_endpoint(text) to polaris_store;
grant execute on function public.prune_expired(pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, jsonb, pg_catalog.int4) to polaris_store;
grant execute on function public.read_events(text, pg_catalog.int4, jsonb, text) to polaris_store;
grant execute on function public.record_alert_attempt(text, pg_catalog.int8, pg_catalog.bool, text, text) to polaris_store;
grant execute on function public.record_delivery_attempts(pg_catalog.int8, pg_catalog.int8, text, jsonb, pg_catalog.numeric) to polaris_store;
grant execute on function public.record_endpoint_check(pg_catalog.int8, pg_catalog.bool, jsonb) to polaris_store;
grant execute on function public.record_ping(text) to polaris_store;
grant execute on function public.record_ping_results(jsonb) to polaris_store;
grant execute on function public.record_sweep(text) to polaris_store;
grant execute on function public.record_webhook_request(jsonb, pg_catalog.bool, pg_catalog.int4) to polaris_store;
grant execute on function public.redrive_deliveries(jsonb, text, pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.release_deliveries(pg_catalog.int4) to polaris_store;
grant execute on function public.repeat_report_job(text, text, text, pg_catalog.int4, pg_catalog.int4, pg_catalog.bool, text[], pg_catalog.int4, pg_catalog.int4, text) to polaris_store;
grant execute on function public.replace_endpoint_secret(text, text, pg_catalog.int4, text) to polaris_store;
grant execute on function public.replace_read_token(text, text, text) to polaris_store;
grant execute on function public.report_job_progress(text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4) to polaris_store;
grant execute on function public.report_usage(text, pg_catalog.int4, pg_catalog.int8, pg_catalog.int8) to polaris_store;
grant execute on function public.request_plan(uuid, text, text, text, jsonb, text) to polaris_store;
grant execute on function public.request_report_job(text, text, text, pg_catalog.bool, pg_catalog.int4, pg_catalog.int4, text, uuid, text, pg_catalog.bool, text, text, pg_catalog.numeric, pg_catalog.int4, uuid, text, text[], pg_catalog.int4, pg_catalog.int4, text) to polaris_store;
grant execute on function public.roll_up_webhooks(pg_catalog.int4) to polaris_store;
grant execute on function public.subscriber_secrets() to polaris_store;
grant execute on function public.take_over_report_job(text, pg_catalog.int4, pg_catalog.int4, uuid, text[]) to polaris_store;
grant execute on function public.take_sender_token(text) to polaris_store;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, pg_catalog.bool) to polaris_store;
grant execute on function public.user_is_operator(uuid) to polaris_store;
grant execute on function public.verify_reports() to polaris_store;
grant execute on function public.verify_slice() to polaris_store;
grant execute on function public.work_plan(pg_catalog.int4) to polaris_store;
