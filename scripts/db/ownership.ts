import type { Catalogue, CatalogueEntry } from './catalogue.ts';
import { nodesOf } from './parser.ts';
import type { Source } from './read-sources.ts';

const SOURCED: readonly CatalogueEntry['kind'][] = ['function', 'view', 'table', 'policy', 'trigger'];

/** What the database has, no source makes, and the platform did not make either. */
export function withoutSource(
  catalogue: Catalogue,
  sources: readonly Source[],
  /** What the platform's own migrations made. */
  platform: Catalogue,
  /** By the catalogue, the keys of functions as the sources declare them. */
  declared: ReadonlySet<string>,
): CatalogueEntry[] {
  return [...catalogue.values()].filter(
    (entry) =>
      SOURCED.includes(entry.kind) && !platform.has(entry.key) && !isSourced(entry, sources, declared),
  );
}

/** What is the platform's: its migrations made it, and no source of ours is about it. */
export function platformEntries(
  platform: Catalogue,
  sources: readonly Source[],
  declared: ReadonlySet<string>,
): CatalogueEntry[] {
  return [...platform.values()].filter((entry) => {
    if (isSourced(entry, sources, declared) && entry.kind !== 'table') return false;
    const source = sources.find(({ object }) => object === entry.object);
    // The rights, comments and columns of a platform's table stay the platform's when we add a policy to it.
    return source === undefined || (source.kind === 'table' && source.platform);
  });
}

function isSourced(
  { kind, key, object, name }: CatalogueEntry,
  sources: readonly Source[],
  declared: ReadonlySet<string>,
): boolean {
  if (kind === 'function') return declared.has(key);
  const source = sources.find((each) => each.object === object);
  if (source === undefined) return false;
  if (kind === 'view') return source.kind === 'view';
  if (kind === 'table') return source.kind === 'table';
  const trees = source.statements.map(({ node }) => node);
  return kind === 'policy'
    ? nodesOf(trees, 'CreatePolicyStmt').some(({ policy_name }) => policy_name === name)
    : nodesOf(trees, 'CreateTrigStmt').some(({ trigname }) => trigname === name);
}
