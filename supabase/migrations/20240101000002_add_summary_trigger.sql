-- Why: people see when a summary was edited. The trigger is the platform's. Where the platform lives, this file does nothing.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regprocedure('public.update_last_edited_at()') is not null then
    return;
  end if;

  create function public.update_last_edited_at() returns trigger
  language plpgsql set search_path = '' as $function$
  begin
    if new.edited_content is distinct from old.edited_content then
      new.last_edited_at := now();
    end if;
    return new;
  end
  $function$;
  create trigger update_polaris_summaries_last_edited before update on public.polaris_summaries
    for each row execute function public.update_last_edited_at();
end
$migration$;
