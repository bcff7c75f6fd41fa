comment on table private.watch_state is 'One row: what the evaluation of alerts knows from one call to the next.';
comment on column private.watch_state.installed_at is 'From then on a sweep is missed that never came.';
comment on column private.watch_state.clock_ahead_seconds is 'The clock of the function that evaluated last, compared with that of the database.';
comment on column private.watch_state.next_ping_at is 'When a sweep pings again.';
alter table private.watch_state enable row level security;
revoke all on table private.watch_state from anon, authenticated, service_role;
