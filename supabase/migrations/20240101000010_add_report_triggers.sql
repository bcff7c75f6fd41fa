-- Why: a report shows when it last changed. The triggers are the platform's. Where the platform lives, this file does nothing.

do $migration$
declare
  v_type text;
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regprocedure('public.update_updated_at_column()') is not null then
    return;
  end if;

  create function public.update_updated_at_column() returns trigger
  language plpgsql set search_path = '' as $function$
  begin
    new.updated_at := now();
    return new;
  end
  $function$;
  foreach v_type in array array['greeting', 'org', 'requirement'] loop
    execute format(
      'create trigger trg_%1$s_reports_updated_at before update on public.%1$s_reports
         for each row execute function public.update_updated_at_column()', v_type);
  end loop;
end
$migration$;
