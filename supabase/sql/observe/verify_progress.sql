comment on table private.verify_progress is 'One row: where the next slice begins.';
comment on column private.verify_progress.part is 'The report type, `jobs` or `rest`; null: at the beginning.';
comment on column private.verify_progress.place is 'The last id that was looked at in this part.';
comment on column private.verify_progress.finished_at is 'When the last round had looked at everything.';
alter table private.verify_progress enable row level security;
revoke all on table private.verify_progress from anon, authenticated, service_role;
