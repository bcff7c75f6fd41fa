comment on table private.report_contents is
  'An event''s text, metadata and final data: the one place besides the report row where a result''s content is stored.';
alter table private.report_contents enable row level security;
revoke all on table private.report_contents from anon, authenticated, service_role;
create or replace trigger keep_content before update or delete on private.report_contents
  for each row execute function private.keep_content();
