create or replace function public.list_alerts(
  p_rule text default null, p_subject text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null, p_id uuid default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_open constant int := 200;
  v_where text := concat_ws(' and ',
    'true',
    case when p_rule is not null then 'rule = $1' end,
    case when p_subject is not null then 'subject = $2' end,
    case when p_id is not null then 'id = $8' end);
  v_ended text := concat_ws(' and ',
    v_where, $q$state = 'resolved'$q$,
    case when p_after is not null then 'resolved_at >= $3' end,
    case when p_before is not null then 'resolved_at < $4' end,
    case when p_cursor_at is not null then '(resolved_at, id) < ($6, $7::uuid)' end);
  v_open jsonb;
  v_rows jsonb;
begin
  perform private.require_operator();
  if p_cursor_at is null then
    execute format(
      'select coalesce(jsonb_agg(to_jsonb(page) order by (state = ''firing'') desc, severity, pending_since, id), ''[]'') from (
         select * from private.alert_rows where state <> ''resolved'' and %s
         order by (state = ''firing'') desc, severity, pending_since, id limit $5) page', v_where)
    into v_open using p_rule, p_subject, p_after, p_before, c_open, p_cursor_at, p_cursor_id, p_id;
  end if;
  execute format(
    'select jsonb_agg(to_jsonb(page) order by resolved_at desc, id desc) from (
       select * from private.alert_rows where %s order by resolved_at desc, id desc limit $5 + 1) page', v_ended)
  into v_rows using p_rule, p_subject, p_after, p_before, p_limit, p_cursor_at, p_cursor_id, p_id;
  return private.page_of(v_rows, p_limit, 'resolved_at') || jsonb_build_object(
    'open', v_open,
    'silences', (
      select coalesce(jsonb_agg(to_jsonb(silence) order by until), '[]') from public.alert_silences silence
      where ended_at is null and until > now()));
end
$$;

comment on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) is
  'Alerts. `open`: pending and firing ones, those that fire first; null on later pages. `rows`: resolved ones, newest first. `silences`: those that hold now. p_id: that one alone.';
revoke all on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) to authenticated;
