comment on table private.endpoint_revisions is
  'The settings of subscribers. A change makes a new row; ids are in the order of commits.';
comment on column private.endpoint_revisions.takes_events is 'Whether an effect makes a delivery for it: not before it is verified or has caught up, nor once it is removed.';
comment on column private.endpoint_revisions.types is 'Event types. Null here, as in the next three: all.';
comment on column private.endpoint_revisions.filter_path is 'The filter, compiled by the function that saved it.';
comment on column private.endpoint_revisions.compression is 'The requested coding. It is used once the subscriber accepts it: private.subscribers.accepted_coding.';
comment on column private.endpoint_revisions.change is 'The change in a word or two, for the history.';
comment on column private.endpoint_revisions.superseded_by is 'The revision after it. Null: it is in force.';
alter table private.endpoint_revisions enable row level security;
revoke all on table private.endpoint_revisions from anon, authenticated, service_role;
revoke all on sequence private.endpoint_revisions_id_seq from anon, authenticated, service_role;
