import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateFunctionStmt, Node, RangeVar, TypeName, ViewStmt } from 'libpg-query';
import type { Finding } from './finding.ts';
import { nameOf, nodesOf, parseSql, SqlSyntaxError, type Comment, type Statement } from './parser.ts';
import { PLATFORM_TABLES, ROOMS } from './rooms.ts';

/** Prefix of source paths in findings and migrations, wherever the folder is. */
const SOURCES = 'supabase/sql';

interface SourceFile {
  room: string;
  /** By its path in the project. */
  path: string;
  text: string;
  statements: Statement[];
  comments: Comment[];
}

/** One file of `supabase/sql/`: a function, a view, or the rights, policies and triggers of a table. */
export type Source = SourceFile & {
  /** With its schema, such as `private.claim`. */
  object: string;
} & (
    | { kind: 'function'; stmt: CreateFunctionStmt; signature: string }
    | { kind: 'view'; stmt: ViewStmt }
    | { kind: 'table'; platform: boolean }
  );

interface Sources {
  sources: Source[];
  /** Files that could not be read. If there are any, checks of the sources as a whole are not meaningful. */
  findings: Finding[];
}

/** Reads every file of the folder, in the order of application. */
export async function readSources(folder: string, rooms: readonly string[] = ROOMS): Promise<Sources> {
  const sources: Source[] = [];
  const findings: Finding[] = [];
  for (const { room, name, path } of await listFiles(folder)) {
    const where = `${SOURCES}/${path}`;
    if (!rooms.includes(room) || !name.endsWith('.sql') || path.split('/').length !== 2) {
      const message = `sources are ${SOURCES}/<room>/<name>.sql, with one of the rooms ${rooms.join(', ')}`;
      findings.push({ where, rule: 'file', message });
      continue;
    }
    const text = await readFile(join(folder, path), 'utf8');
    const result = await readSource(room, where, text);
    findings.push(...result.findings);
    if (result.source) sources.push(result.source);
  }
  findings.push(...repeated(sources));
  return { sources: inOrder(sources, rooms), findings };
}

async function listFiles(folder: string): Promise<{ room: string; name: string; path: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length))
    .sort()
    .map((path) => {
      const parts = path.split('/');
      return { room: parts[0] ?? '', name: parts.at(-1) ?? '', path };
    });
}

function repeated(sources: readonly Source[]): Finding[] {
  const first = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { object, path } of sources) {
    const other = first.get(object);
    if (other === undefined) first.set(object, path);
    else findings.push({ where: path, rule: 'file', message: `${object} has a file already: ${other}` });
  }
  return findings;
}

/** Reads one file. Without a `source`, the findings say why. */
export async function readSource(
  room: string,
  path: string,
  text: string,
): Promise<{ source?: Source; findings: Finding[] }> {
  const findings: Finding[] = [];
  const add = (message: string, line?: number) => {
    findings.push({ where: path, rule: 'file', message, ...(line !== undefined && { line }) });
  };
  let parsed;
  try {
    parsed = await parseSql(text);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return { findings: [{ where: path, line: error.line, rule: 'syntax', message: error.message }] };
  }
  const { statements, comments } = parsed;
  const source = classify({ room, path, text, statements, comments });
  if (source === undefined) {
    add('is about no function, view or table');
    return { findings };
  }
  const { object, kind } = source;
  if (!/^[a-z_]+\.[a-z0-9_]+$/.test(object)) {
    add(`${object} must be named with its schema, in lower case`);
    return { findings };
  }
  const name = object.slice(object.indexOf('.') + 1);
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (file !== `${name}.sql` && file !== `${object}.sql`) {
    add(`must be named ${name}.sql (or ${object}.sql) after its object`);
  }
  if (kind !== 'table' && statements.filter(({ node }) => creates(node)).length > 1) {
    add('creates more than one object');
  }
  const dropped = new Set<string>();
  for (const { node, line } of statements) {
    const problem = misplaced(node, source);
    if (problem !== undefined) {
      add(problem, line);
      continue;
    }
    for (const target of targetsOf(node)) {
      if (!belongs(target, source)) add(`is about ${object}, but this statement is about ${target}`, line);
    }
    if ('DropStmt' in node) {
      for (const object of node.DropStmt.objects ?? [])
        if ('List' in object) dropped.add(nameOf(object.List.items));
    }
    if ('CreatePolicyStmt' in node) {
      const { policy_name: policy = '' } = node.CreatePolicyStmt;
      if (!dropped.has(`${object}.${policy}`)) {
        add(`drop policy if exists "${policy}" must stand before: a source is applied again and again`, line);
      }
    }
  }
  return { source, findings };
}

function creates(node: Node): boolean {
  return 'CreateFunctionStmt' in node || 'ViewStmt' in node;
}

function classify(file: SourceFile): Source | undefined {
  for (const { node } of file.statements) {
    if ('CreateFunctionStmt' in node) {
      const stmt = node.CreateFunctionStmt;
      const object = nameOf(stmt.funcname);
      return { ...file, kind: 'function', object, stmt, signature: signatureOf(stmt) };
    }
    if ('ViewStmt' in node) {
      const stmt = node.ViewStmt;
      return { ...file, kind: 'view', object: relationName(stmt.view), stmt };
    }
  }
  const [object] = file.statements.flatMap(({ node }) => targetsOf(node));
  if (object === undefined) return undefined;
  return { ...file, kind: 'table', object, platform: PLATFORM_TABLES.includes(object) };
}

const INPUT_MODES: readonly unknown[] = [
  'FUNC_PARAM_DEFAULT',
  'FUNC_PARAM_IN',
  'FUNC_PARAM_INOUT',
  'FUNC_PARAM_VARIADIC',
];

/** The signature in the form that `regprocedure` accepts. */
function signatureOf({ funcname, parameters }: CreateFunctionStmt): string {
  const types = nodesOf(parameters, 'FunctionParameter')
    .filter(({ mode }) => INPUT_MODES.includes(mode))
    .map(({ argType }) => typeText(argType));
  return `${nameOf(funcname)}(${types.join(', ')})`;
}

function typeText(type: TypeName | undefined): string {
  return `${nameOf(type?.names)}${'[]'.repeat(type?.arrayBounds?.length ?? 0)}`;
}

export function relationName(relation: RangeVar | undefined): string {
  return [relation?.schemaname, relation?.relname].filter((part) => part !== undefined).join('.');
}

/** The objects that a statement is about, by name and schema. */
export function targetsOf(node: Node): string[] {
  if ('CreateFunctionStmt' in node) return [nameOf(node.CreateFunctionStmt.funcname)];
  if ('ViewStmt' in node) return [relationName(node.ViewStmt.view)];
  if ('AlterTableStmt' in node) return [relationName(node.AlterTableStmt.relation)];
  if ('CreatePolicyStmt' in node) return [relationName(node.CreatePolicyStmt.table)];
  if ('CreateTrigStmt' in node) return [relationName(node.CreateTrigStmt.relation)];
  if ('GrantStmt' in node) return (node.GrantStmt.objects ?? []).map(objectName);
  if ('DropStmt' in node) {
    // The last part is the name of the policy or trigger itself.
    return (node.DropStmt.objects ?? []).map((object) =>
      'List' in object ? nameOf(object.List.items?.slice(0, -1)) : objectName(object),
    );
  }
  if ('CommentStmt' in node) {
    const { objtype, object } = node.CommentStmt;
    if (object === undefined) return [];
    const inTable = ['OBJECT_COLUMN', 'OBJECT_POLICY', 'OBJECT_TRIGGER', 'OBJECT_TABCONSTRAINT'];
    if ('List' in object && inTable.includes(objtype ?? '')) return [nameOf(object.List.items?.slice(0, -1))];
    return [objectName(object)];
  }
  return [];
}

function objectName(object: Node): string {
  if ('RangeVar' in object) return relationName(object.RangeVar);
  if ('ObjectWithArgs' in object) return nameOf(object.ObjectWithArgs.objname);
  if ('List' in object) return nameOf(object.List.items);
  if ('String' in object) return object.String.sval ?? '';
  return Object.keys(object).join();
}

/** A table's file also states the rights on its identity sequence, `<table>_<column>_seq`. */
function belongs(target: string, { object, kind }: Source): boolean {
  return (
    target === object || (kind === 'table' && target.startsWith(`${object}_`) && target.endsWith('_seq'))
  );
}

/** Why a statement may not stand in a file of this kind. */
function misplaced(node: Node, source: Source): string | undefined {
  const { kind } = source;
  if ('CommentStmt' in node || 'GrantStmt' in node) return undefined;
  if ('CreateFunctionStmt' in node && kind === 'function') {
    return node.CreateFunctionStmt.replace ? undefined : 'write create or replace function';
  }
  if ('ViewStmt' in node && kind === 'view') {
    return node.ViewStmt.replace ? undefined : 'write create or replace view';
  }
  if (kind === 'table') {
    if ('CreatePolicyStmt' in node) return undefined;
    if ('CreateTrigStmt' in node) {
      return node.CreateTrigStmt.replace ? undefined : 'write create or replace trigger';
    }
    if ('DropStmt' in node) {
      const { removeType, missing_ok } = node.DropStmt;
      if (removeType !== 'OBJECT_POLICY' && removeType !== 'OBJECT_TRIGGER')
        return 'drops belong into a migration';
      return missing_ok ? undefined : 'write drop … if exists';
    }
    if ('AlterTableStmt' in node) {
      const allowed: readonly unknown[] = ['AT_EnableRowSecurity', 'AT_ForceRowSecurity'];
      const commands = nodesOf(node.AlterTableStmt.cmds, 'AlterTableCmd');
      return commands.every(({ subtype }) => allowed.includes(subtype))
        ? undefined
        : 'tables are altered in a migration; here stand only their rights, policies and triggers';
    }
  }
  return `the file of a ${kind} may not hold this statement (${Object.keys(node).join()})`;
}

const KIND_ORDER = { function: 0, view: 1, table: 2 } as const;

/** Functions first, then views, then tables, each by room. A source that another one needs comes before it. */
function inOrder(sources: readonly Source[], rooms: readonly string[] = ROOMS): Source[] {
  const waiting = [...sources].sort(
    (one, other) =>
      KIND_ORDER[one.kind] - KIND_ORDER[other.kind] ||
      rooms.indexOf(one.room) - rooms.indexOf(other.room) ||
      one.path.localeCompare(other.path, 'en'),
  );
  const byObject = new Map(waiting.map((source) => [source.object, source]));
  const placed = new Set<Source>();
  const place = (source: Source, open: ReadonlySet<Source>) => {
    if (placed.has(source) || open.has(source)) return;
    for (const name of needs(source)) {
      const needed = byObject.get(name);
      // Migrations create the tables; a table's file does not.
      if (needed && needed.kind !== 'table') place(needed, new Set([...open, source]));
    }
    placed.add(source);
  };
  for (const source of waiting) place(source, new Set());
  return [...placed];
}

/**
 * The objects that must exist before a source can be applied: those of views, of signatures, and of bodies in standard form.
 * Other function bodies are not checked on creation (`check_function_bodies` is off).
 */
function needs(source: Source): string[] {
  if (source.kind === 'table') return [];
  const trees = source.kind === 'view' ? [source.stmt.query] : [source.stmt.sql_body, source.stmt.parameters];
  const types = nodesOf(source.stmt, 'TypeName');
  const own = source.kind === 'function' ? source.stmt.returnType : undefined;
  return [
    ...trees.flatMap((tree) => nodesOf(tree, 'RangeVar').map(relationName)),
    ...trees.flatMap((tree) => nodesOf(tree, 'FuncCall').map(({ funcname }) => nameOf(funcname))),
    ...types.map(({ names }) => nameOf(names)),
    ...nodesOf(source.kind === 'function' ? source.stmt.parameters : undefined, 'FunctionParameter').map(
      ({ argType }) => nameOf(argType?.names),
    ),
    nameOf(own?.names),
  ];
}
