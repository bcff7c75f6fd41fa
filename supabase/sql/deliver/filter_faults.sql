comment on table private.filter_faults is
  'Filters that could not be asked about an event: no match, and a fault of ours that its endpoint shows. Kept as long as the event: it says why the endpoint did not get it.';
alter table private.filter_faults enable row level security;
revoke all on table private.filter_faults from anon, authenticated, service_role;
revoke all on sequence private.filter_faults_id_seq from anon, authenticated, service_role;
