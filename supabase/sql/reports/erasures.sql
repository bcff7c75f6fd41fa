comment on table private.erasures is
  'Reports and accounts that were deleted and whose content the next sweep erases. A row without a report is an account.';
comment on column private.erasures.user_id is 'The owner when the report was deleted.';
comment on column private.erasures.tried_at is 'When a sweep last found something of it locked, or more than it erases at once.';
alter table private.erasures enable row level security;
revoke all on table private.erasures from anon, authenticated, service_role;
revoke all on sequence private.erasures_id_seq from anon, authenticated, service_role;
