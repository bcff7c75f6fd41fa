-- Why: a report says how far its research is. The type is the platform's. Where the platform lives, this file does nothing.

do $migration$
begin
  if current_setting('polaris.alone', true) is distinct from 'on' and to_regnamespace('polaris_alone') is null then
    if to_regclass('public.requirement_reports') is null then
      raise exception 'This database lacks tables of the platform. Push the migrations of the platform first, then these (docs/upgrading.md).'
        using errcode = 'undefined_table';
    end if;
    return;
  elsif to_regtype('public.research_status') is not null then
    return;
  end if;

  create type public.research_status as enum ('pending', 'running', 'completed', 'failed');
end
$migration$;
