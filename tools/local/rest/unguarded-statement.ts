import { loadModule, parseSync } from 'libpg-query';

await loadModule();

/** Results by statement text: a function runs the same statements at each call. */
const known = new Map<string, string | undefined>();

/**
 * pg-safeupdate's message for the executed statement in a notice of auto_explain; undefined if it has none, or if the notice
 * is another one.
 */
export function unguardedIn(notice: string): string | undefined {
  const told = /^duration: [\d.]+ ms {2}plan:\nQuery Text: ([\s\S]*)$/.exec(notice)?.[1];
  if (told === undefined) return undefined;
  // The plan follows the text; its first line is the first one that ends with costs.
  const statement = told.slice(0, told.search(/\n[^\n]*\(cost=/));
  if (!/\b(update|delete)\b/i.test(statement)) return undefined;
  if (!known.has(statement)) known.set(statement, unguarded(statement));
  return known.get(statement);
}

/** pg-safeupdate checks every UPDATE and DELETE, also in CTEs. Any WHERE is accepted, and MERGE is not checked. */
export function unguarded(statement: string): string | undefined {
  let tree: unknown;
  try {
    tree = parseSync(statement);
  } catch {
    // Not a statement but an expression of PL/pgSQL.
    return undefined;
  }
  return unguardedNode(tree);
}

function unguardedNode(tree: unknown): string | undefined {
  if (typeof tree !== 'object' || tree === null) return undefined;
  for (const [kind, node] of Object.entries(tree) as [string, unknown][]) {
    const hasWhere = typeof node === 'object' && node !== null && 'whereClause' in node;
    if (kind === 'UpdateStmt' && !hasWhere) return 'UPDATE requires a WHERE clause';
    if (kind === 'DeleteStmt' && !hasWhere) return 'DELETE requires a WHERE clause';
    const inner = unguardedNode(node);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
