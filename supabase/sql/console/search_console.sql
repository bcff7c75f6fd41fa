-- Definer rights: people may not read the addresses of owners, and may not write the audit; it asks who the caller is itself.
create or replace function public.search_console(p_text text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_shown constant int := 6;
  -- Limit of matches that are read by the index, in any order, for a word that very many reports contain. The newest of these
  -- and of the newest reports are shown.
  c_matches constant int := 500;
  -- The newest reports of each type are read first, this many: they contain the words that many reports have. By the index,
  -- PostgreSQL would read all entries of such a word.
  c_latest constant int := 50;
  -- Must equal the expression of the index that private.finish_table() creates.
  c_words constant text := 'to_tsvector(''pg_catalog.simple'', "left"(
    coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
    || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
    || coalesce(user_data ->> ''organisation_name'', ''''), 1000))';
  v_text text := btrim(p_text);
  v_from uuid;
  v_to uuid;
  v_starts text[];
  v_owner uuid;
  v_words tsquery;
  v_each tsquery[];
  v_by_id text;
  v_by_words text;
  v_found jsonb;
  v_reports jsonb := '[]';
  v_jobs jsonb := '[]';
  v_events jsonb := '[]';
  v_deliveries jsonb := '[]';
  v_owners jsonb := '[]';
begin
  perform private.require_operator();
  if char_length(v_text) not between 2 and 320 then
    raise exception 'p_text must have 2 to 320 characters' using errcode = 'invalid_parameter_value';
  end if;
  if strpos(v_text, '@') > 0 then
    v_owner := private.find_account(v_text);
    -- Never the address, which would outlive an erasure in the audit.
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when v_owner is null then 'account_not_found' else 'account_found' end,
      p_actor => (select auth.uid())::text,
      p_payload => jsonb_strip_nulls(jsonb_build_object('endpoint', 'search', 'user_id', v_owner)));
    v_from := v_owner;
    v_to := v_owner;
  elsif v_text ~* '^[0-9a-f]{4}[0-9a-f-]*$' and char_length(replace(v_text, '-', '')) <= 32 then
    v_from := rpad(replace(v_text, '-', ''), 32, '0')::uuid;
    v_to := rpad(replace(v_text, '-', ''), 32, 'f')::uuid;
  end if;

  if v_from is not null then
    select coalesce(jsonb_agg(jsonb_build_object('user_id', id, 'email', email) order by id), '[]') into v_owners
    from (select id, email from auth.users where id between v_from and v_to order by id limit c_shown) owners;
  end if;
  if v_from is not null and v_owner is null then
    v_by_id := (
      select string_agg(format(
        '(select id, %L as report_type, created_at from public.%I where id between $1 and $2 order by id limit $3)',
        report_type, table_name), ' union all ')
      from public.report_types);
    execute format(
      'select jsonb_agg(private.report_line(report_type, id) order by id)
       from (select * from (%s) every order by id limit $3) found', v_by_id)
    into v_found using v_from, v_to, c_shown;
    v_reports := coalesce(v_found, '[]');
  end if;
  if v_text ~ '^\S+$' and v_owner is null and strpos(v_text, '@') = 0 and char_length(v_text) >= 4 then
    -- Our generated ids have these prefixes, which a person may have left out.
    v_starts := array[v_text, 'job_' || v_text, 'evt_' || v_text];
    select coalesce(jsonb_agg(to_jsonb(jobs) order by created_at desc), '[]') into v_jobs
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select job_id, state, report_type, report_id, stage, created_at from private.job_states
        -- Compares bytes, like the index, whatever the database's collation.
        where job_id operator(pg_catalog.~>=~) start and job_id operator(pg_catalog.~<~) (start || chr(1114111))
        order by job_id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) jobs;
    select coalesce(jsonb_agg(to_jsonb(events) order by created_at desc), '[]') into v_events
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select id, type, report_type, report_id, effect, created_at from public.report_events
        where id operator(pg_catalog.~>=~) start and id operator(pg_catalog.~<~) (start || chr(1114111))
        order by id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) events;
    if v_text ~ '^\d{1,18}$' then
      select coalesce(jsonb_agg(to_jsonb(deliveries) || jsonb_build_object('id', id::text)), '[]') into v_deliveries
      from (
        select id, event_id, endpoint_id, status, dead_at, report_type, report_id, created_at
        from public.webhook_deliveries where id = v_text::bigint) deliveries;
    end if;
  end if;

  if strpos(v_text, '@') = 0 then
    -- Each word is a prefix of a word in the name.
    select to_tsquery('pg_catalog.simple', string_agg(quoted, ' & ')), array_agg(to_tsquery('pg_catalog.simple', quoted))
    into v_words, v_each
    from (
      -- What has a meaning inside the quotes separates words, as it does in the index.
      select format('''%s'':*', translate(word, '''\', '  ')) as quoted
      from regexp_split_to_table(v_text, '\s+') word
      where translate(word, '''\', '') <> '' limit 8) words;
    if numnode(v_words) > 0 then
      v_by_words := (
        select format(
          'with latest as materialized (%s), hits as materialized (
             select report_type, id, created_at from latest where words @@ $1
           ), full_types as materialized (
             select report_type from hits group by report_type having count(*) >= $3
           ), sought as materialized (
             -- The index is used for the rare words only, if there are any, because it would also read all entries of the others.
             select string_agg(word::text, '' & '') filter (where not is_common)::tsquery as rare, bool_or(is_common) as is_part
             from (
               select word, 2 * (select count(*) from latest where words @@ word) > (select count(*) from latest) as is_common
               from unnest($5::tsquery[]) word where numnode(word) > 0) each
           )
           select * from hits union %s',
          string_agg(format(
            '(select %L as report_type, id, created_at, %s as words from public.%I order by created_at desc, id desc limit $4)',
            report_type, c_words, table_name), ' union all '),
          string_agg(format(
            '(select %L as report_type, id, created_at
              from (
                select id, created_at, user_data from public.%I
                where %s @@ (select coalesce(rare, $1) from sought)
                  and (select count(*) from full_types where report_type = %L) = 0
                offset 0) matches
              where (select not is_part from sought) or %s @@ $1
              limit $2)', report_type, table_name, c_words, report_type, c_words), ' union '))
        from public.report_types);
      execute format(
        'select jsonb_agg(private.report_line(report_type, id) order by created_at desc, id desc)
         from (select * from (%s) every order by created_at desc, id desc limit $3) found', v_by_words)
      into v_found using v_words, c_matches, c_shown, c_latest, v_each;
      v_reports := v_reports || coalesce(v_found, '[]');
    end if;
  end if;
  return jsonb_build_object(
    'reports', v_reports, 'jobs', v_jobs, 'events', v_events, 'deliveries', v_deliveries, 'owners', v_owners);
end
$$;

comment on function public.search_console(text) is
  'Finds things for operators: by the beginning of the id of a report, a user, a job or an event, by the number of a delivery, by the whole e-mail address of an account (which is audited), and by the beginnings of words of a report''s name, organisation or title. Up to six of each kind: {reports, jobs, events, deliveries, owners}.';
revoke all on function public.search_console(text) from public, anon, authenticated, service_role;
grant execute on function public.search_console(text) to authenticated;
