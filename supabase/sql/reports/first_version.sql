comment on table private.first_version is 'One row: since when the functions of the platform''s first version may write no results.';
alter table private.first_version enable row level security;
revoke all on table private.first_version from anon, authenticated, service_role;
