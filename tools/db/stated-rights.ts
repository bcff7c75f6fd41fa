import type { GrantStmt, Node } from 'libpg-query';
import { nameOf, nodesOf } from './parser.ts';
import { relationName, type Source } from './read-sources.ts';
import { STORE_ROLE } from '../../src/server/store/routines.ts';

/** A right of a role other than the owner. */
export interface Right {
  /** Such as `function private.claim`, `relation public.operators` or `sequence public.webhook_audit_id_seq`. */
  on: string;
  /** A role, or `public` for everybody. */
  grantee: string;
  /** In lower case. */
  privilege: string;
  /** Set for a right on a single column. */
  column?: string;
}

interface StatedRights {
  /** All objects that the file names. On these, exactly the stated rights may exist. */
  objects: string[];
  rights: Right[];
  /** The grantees of `revoke all`, by object. */
  revoked: Map<string, Set<string>>;
  /** Ambiguous or forbidden statements. */
  faults: { line: number; message: string }[];
}

/**
 * Reads the rights that a source file states: first `revoke all … from …`, then every single grant. The server calls
 * functions either as `service_role` through REST or as the direct store's role, so each right of the first is also one of
 * the second.
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
 * Functions that only the servers of the platform's first version call. `private.close_first_version()` revokes them from
 * `service_role`; a right of another role would remain.
 */
const OF_FIRST_VERSION = ['function public.update_webhook_status', 'function public.get_failed_webhooks'];

/** Whether the server uses this right: to call a function of schema `public`. */
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
