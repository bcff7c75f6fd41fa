-- Why: people edit their summaries, and see that and when they did.

alter table public.polaris_summaries
  add column if not exists edited_content text,
  add column if not exists is_edited boolean default false,
  add column if not exists last_edited_at timestamptz;
