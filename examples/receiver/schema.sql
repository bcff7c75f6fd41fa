-- The receiver's own tables, in its own database.

-- Every event that was handled: what is here is never handled again.
create table if not exists polaris_events (
  id text primary key,
  type text not null,
  received_at timestamptz not null default now()
);

-- What this receiver makes of the events: the latest text of each report.
create table if not exists polaris_reports (
  report_id text primary key,
  -- Of the event that was last applied: an event with a lower position is late, and changes nothing.
  position int not null,
  text text,
  -- The row of a deleted report stays, without its text, so that a late event does not bring the report back.
  deleted boolean not null default false
);

-- How far the list of events was read: one row.
create table if not exists polaris_cursor (
  only_row boolean primary key default true check (only_row),
  cursor text
);
insert into polaris_cursor default values on conflict do nothing;
