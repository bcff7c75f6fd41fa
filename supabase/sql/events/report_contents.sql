comment on table private.report_contents is
  'An event''s text, metadata and final data: the one place besides the report row where a result''s content is stored.';
comment on column private.report_contents.lost_at is
  'Since when no report shows it: its event was superseded, had failed, or won until another did. Retention counts from here.';
alter table private.report_contents enable row level security;
revoke all on table private.report_contents from anon, authenticated, service_role;
-- All columns except lost_at, which is not content.
create or replace trigger keep_content
  before update of event_id, research_report, research_metadata, final_data or delete on private.report_contents
  for each row execute function private.keep_content();
