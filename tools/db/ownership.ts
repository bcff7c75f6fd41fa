import type { Node } from 'libpg-query';
import type { Catalogue, CatalogueEntry } from './catalogue.ts';
import { NULL_MARK, readTexts, variablesOf } from './lint/dynamic-text.ts';
import { bodyOf } from './lint/statements.ts';
import { nameOf, nodesOf, parsePlpgsql, parseSql, type Statement } from './parser.ts';
import type { Source } from './read-sources.ts';

const SOURCED: readonly CatalogueEntry['kind'][] = ['function', 'view', 'table', 'policy', 'trigger'];

/** Objects in the database that neither a source nor the platform makes. */
export function withoutSource(
  catalogue: Catalogue,
  sources: readonly Source[],
  /** Objects of the platform's own migrations. */
  platform: Catalogue,
  /** Catalogue keys of the functions that the sources declare. */
  declared: ReadonlySet<string>,
  made: MadeByFunctions,
): CatalogueEntry[] {
  const isMade = ({ kind, name, object }: CatalogueEntry) =>
    kind === 'table'
      ? made.tables.some((policies) =>
          policies.every((each) => catalogue.has(`policy "${each}" on ${object}`)),
        )
      : made.parts.has(`${kind} ${name ?? object}`);
  return [...catalogue.values()].filter(
    (entry) =>
      !isMade(entry) &&
      SOURCED.includes(entry.kind) &&
      !platform.has(entry.key) &&
      !isSourced(entry, sources, declared),
  );
}

/** The platform's objects: made by its migrations, and without a source of ours. */
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

/** Objects that our functions create at run time under given names. Their source is the function's. */
interface MadeByFunctions {
  /** Policies, triggers and functions, as `kind name`. */
  parts: ReadonlySet<string>;
  /** For each function that makes tables: the names of their policies, by which these tables are recognised. */
  tables: readonly (readonly string[])[];
}

export async function madeByFunctions(sources: readonly Source[]): Promise<MadeByFunctions> {
  const parts = new Set<string>();
  const tables: string[][] = [];
  for (const source of sources) {
    if (source.kind !== 'function' || bodyOf(source.stmt).language !== 'plpgsql') continue;
    const statement = source.statements.find(({ node }) => 'CreateFunctionStmt' in node);
    const trees = statement ? await executedTrees(statement) : [];
    const policies = nodesOf(trees, 'CreatePolicyStmt').map(({ policy_name = '' }) => policy_name);
    for (const name of policies) parts.add(`policy ${name}`);
    for (const { trigname = '' } of nodesOf(trees, 'CreateTrigStmt')) parts.add(`trigger ${trigname}`);
    for (const { funcname } of nodesOf(trees, 'CreateFunctionStmt'))
      parts.add(`function ${nameOf(funcname)}`);
    const makesTables = nodesOf(trees, 'CreateStmt').some(({ relation }) => relation?.relpersistence !== 't');
    // A table without policies could not be recognised.
    if (makesTables && policies.length > 0) tables.push(policies);
  }
  return { parts, tables };
}

/** The statements that can be derived; the lint reports the others. */
async function executedTrees(statement: Statement): Promise<Node[]> {
  const body = await parsePlpgsql(statement.text);
  const trees = body.executed.map(async ({ text }) => {
    const texts = await readTexts(text, variablesOf(body)).catch(() => []);
    const parsed = texts.map((each) =>
      parseSql(each?.replaceAll(NULL_MARK, '') ?? '').catch(() => undefined),
    );
    return (await Promise.all(parsed)).flatMap((each) => each?.statements.map(({ node }) => node) ?? []);
  });
  return (await Promise.all(trees)).flat();
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
