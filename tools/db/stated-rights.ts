import type { GrantStmt, Node } from 'libpg-query';
import { nameOf, nodesOf } from './parser.ts';
import { relationName, type Source } from './read-sources.ts';
import { STORE_ROLE } from '../../src/server/store/routines.ts';

/** One right that somebody beside the owner has. */
export interface Right {
  /** Such as `function private.claim`, `relation public.operators` or `sequence public.webhook_audit_id_seq`. */
  on: string;
  /** A role, or `public` for everybody. */
  grantee: string;
  /** In lower case. */
  privilege: string;
  /** For a right on single columns. */
  column?: string;
}

interface StatedRights {
  /** All objects that the file speaks of: exactly the stated rights exist on them. */
  objects: string[];
  rights: Right[];
  /** Who is named in `revoke all`, by object. */
  revoked: Map<string, Set<string>>;
  /** What makes the statements unclear, each with its line. */
  faults: { line: number; message: string }[];
}

/**
 * What a source's file says of rights: `revoke all … from …` first, then every single grant. The server reaches a function as
 * `service_role` through REST, or as the role of the direct store: what a file gives the one, it gives the other.
 */
export function statedRights(source: Source): StatedRights {
  const stated: StatedRights = { objects: [], rights: [], revoked: new Map(), faults: [] };
  for (const { node, line } of source.statements) {
    if (!('GrantStmt' in node)) continue;
    const stmt = node.GrantStmt;
    const fault = (message: string) => stated.faults.push({ line, message });
    const privileges = nodesOf(stmt.privileges, 'AccessPriv');
    const grantees = granteesOf(stmt);
    for (const on of objectsOf(stmt)) {
      if (stmt.is_grant !== true) {
        if (privileges.length > 0)
          fault(`write revoke all: a revoke of single rights leaves others standing`);
        if (stated.rights.some((right) => right.on === on)) fault('revoke all must stand before the grants');
        stated.revoked.set(on, new Set([...(stated.revoked.get(on) ?? []), ...grantees]));
        if (!stated.objects.includes(on)) stated.objects.push(on);
        continue;
      }
      if (privileges.length === 0)
        fault('name each right: "grant all" means another set in each version of PostgreSQL');
      if (stmt.grant_option === true) fault('with grant option lets the role give the right to others');
      if (!stated.revoked.has(on)) fault('revoke all … must stand before the grants');
      for (const { priv_name = '', cols } of privileges) {
        for (const grantee of grantees) {
          const columns = (cols ?? []).map((column) => nameOf([column]));
          const right = { on, grantee, privilege: priv_name };
          if (columns.length === 0) stated.rights.push(right);
          else stated.rights.push(...columns.map((column) => ({ ...right, column })));
        }
      }
    }
  }
  stated.rights.push(...stated.rights.filter(isServers).map((right) => ({ ...right, grantee: STORE_ROLE })));
  return stated;
}

/**
 * Those that only the servers of the platform's first version call. `private.close_first_version()` takes them from
 * `service_role`; another role's right would outlive that.
 */
const OF_FIRST_VERSION = ['function public.update_webhook_status', 'function public.get_failed_webhooks'];

/** A right to call a function of schema `public`, which the server has. */
function isServers({ on, grantee, privilege }: Right): boolean {
  return (
    on.startsWith('function public.') &&
    grantee === 'service_role' &&
    privilege === 'execute' &&
    !OF_FIRST_VERSION.includes(on)
  );
}

function granteesOf({ grantees }: GrantStmt): string[] {
  return nodesOf(grantees, 'RoleSpec').map(({ roletype, rolename }) =>
    roletype === 'ROLESPEC_PUBLIC' ? 'public' : (rolename ?? roletype ?? ''),
  );
}

function objectsOf({ objtype, objects }: GrantStmt): string[] {
  return (objects ?? []).map((object: Node) => {
    if ('ObjectWithArgs' in object) return `function ${nameOf(object.ObjectWithArgs.objname)}`;
    const name = 'RangeVar' in object ? relationName(object.RangeVar) : Object.keys(object).join();
    return `${objtype === 'OBJECT_SEQUENCE' ? 'sequence' : 'relation'} ${name}`;
  });
}
