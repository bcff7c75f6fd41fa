import { loadModule, parseSync } from 'libpg-query';

await loadModule();

/** Answers by the statement's text: a function's statements come again with each call. */
const known = new Map<string, string | undefined>();

/**
 * What pg-safeupdate would say of the executed statement that a notice of auto_explain tells; undefined where it would
 * say nothing, or where the notice is another's.
 */
export function unguardedIn(notice: string): string | undefined {
  const told = /^duration: [\d.]+ ms {2}plan:\nQuery Text: ([\s\S]*)$/.exec(notice)?.[1];
  if (told === undefined) return undefined;
  // The plan follows the text. Its first line is the first that ends in its costs.
  const statement = told.slice(0, told.search(/\n[^\n]*\(cost=/));
  if (!/\b(update|delete)\b/i.test(statement)) return undefined;
  if (!known.has(statement)) known.set(statement, unguarded(statement));
  return known.get(statement);
}

/** pg-safeupdate looks at every UPDATE and DELETE, also in a CTE; any WHERE satisfies it, and MERGE does not concern it. */
export function unguarded(statement: string): string | undefined {
  let tree: unknown;
  try {
    tree = parseSync(statement);
  } catch {
    // Not a statement by itself: an expression of PL/pgSQL.
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
