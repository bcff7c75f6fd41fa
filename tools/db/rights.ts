import type postgres from 'postgres';
import type { Finding } from './finding.ts';
import type { Source } from './read-sources.ts';
import { SCHEMAS } from './rooms.ts';
import { statedRights, type Right } from './stated-rights.ts';

/** All rights that roles other than the owner have on our functions, relations, columns and sequences. */
export async function readRights(sql: postgres.ISql, schemas: readonly string[] = SCHEMAS): Promise<Right[]> {
  const rows = await sql<{ on: string; grantee: string; privilege: string; column: string | null }[]>`
    with held (kind, schema, name, owner, acl, column_name) as (
      select 'function', pronamespace, proname, proowner, coalesce(proacl, acldefault('f', proowner)), null
      from pg_proc
      union all
      select case relkind when 'S' then 'sequence' else 'relation' end, relnamespace, relname, relowner,
        coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)), null
      from pg_class where relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select 'relation', relnamespace, relname, relowner, attacl, attname
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relkind in ('r', 'p', 'v', 'm') and attacl is not null and not attisdropped)
    select format('%s %I.%I', kind, nspname, name) as "on", column_name as "column",
      coalesce(nullif(grantee, 0)::regrole::text, 'public') as grantee,
      lower(privilege_type) || case when is_grantable then ' with grant option' else '' end as privilege
    from held join pg_namespace on pg_namespace.oid = schema, aclexplode(acl)
    where nspname in ${sql([...schemas])} and grantee <> owner
    order by 1, 2, 3, 4`;
  return rows.map(({ column, ...right }) => ({ ...right, ...(column !== null && { column }) }));
}

/** Compares the rights that the files state with those in the database: each right too many or missing is a finding. */
export function compareRights(sources: readonly Source[], actual: readonly Right[]): Finding[] {
  const findings: Finding[] = [];
  for (const source of sources) {
    // The platform decides about the rights on its tables.
    if (source.kind === 'table' && source.platform) continue;
    const { objects, rights } = statedRights(source);
    const stated = new Set(rights.map(describe));
    const held = new Set(actual.filter(({ on }) => objects.includes(on)).map(describe));
    const add = (message: string) => {
      findings.push({ where: source.path, rule: 'rights', message });
    };
    for (const right of held)
      if (!stated.has(right)) add(`${right}: the database gives it, the file does not state it`);
    for (const right of stated)
      if (!held.has(right)) add(`${right}: the file states it, the database does not give it`);
  }
  return findings;
}

function describe({ on, grantee, privilege, column }: Right): string {
  return `${privilege}${column === undefined ? '' : ` (${column})`} on ${on} to ${grantee}`;
}
