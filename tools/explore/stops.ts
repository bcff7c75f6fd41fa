import { parsePlPgSQL } from 'libpg-query';
import type postgres from 'postgres';
import { z } from 'zod';
import { nodesOf, parseSql } from '../db/parser.ts';

/** A function of ours as the catalogue tells it. */
interface StoredFunction {
  /** With its schema. */
  name: string;
  language: string;
  body: string;
  /** The whole `create or replace function`, the body in it. */
  definition: string;
}

const WRITES = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'LockingClause'] as const;
const ADVISORY = /^pg_(try_)?advisory_/;
/** What a statement that is only known when it runs is looked through for. */
const DYNAMIC_TOUCH = /\b(insert|update|delete|share)\b/i;
/** The first word of a statement, by its kind: a statement that begins in the middle of a line gets no stop. */
const FIRST_WORDS: Readonly<Record<string, RegExp>> = {
  PLpgSQL_stmt_if: /^if\b/i,
  PLpgSQL_stmt_case: /^case\b/i,
  PLpgSQL_stmt_while: /^while\b/i,
  PLpgSQL_stmt_fori: /^for\b/i,
  PLpgSQL_stmt_fors: /^for\b/i,
  PLpgSQL_stmt_dynfors: /^for\b/i,
  PLpgSQL_stmt_foreach_a: /^foreach\b/i,
  PLpgSQL_stmt_return: /^return\b/i,
  PLpgSQL_stmt_return_query: /^return\b/i,
  PLpgSQL_stmt_perform: /^perform\b/i,
  PLpgSQL_stmt_dynexecute: /^execute\b/i,
  PLpgSQL_stmt_execsql: /^(select|insert|update|delete|with)\b/i,
  PLpgSQL_stmt_assign: /^(?!(if|elsif|else|when|for|begin|loop)\b)[a-z_]/i,
};
const DYNAMIC_KINDS = ['PLpgSQL_stmt_dynexecute', 'PLpgSQL_stmt_dynfors', 'PLpgSQL_stmt_return_query'];
const EXPRESSION_MODE = 2;

const expression = z.object({ query: z.string(), parseMode: z.number().default(0) });
const withLine = z.object({ lineno: z.number() });

/** Those that may lock or write: only volatile functions can. */
export async function readFunctions(sql: postgres.Sql): Promise<StoredFunction[]> {
  return sql<StoredFunction[]>`
    select namespace.nspname || '.' || function.proname as name, language.lanname as language, function.prosrc as body,
      pg_get_functiondef(function.oid) as definition
    from pg_proc function
    join pg_namespace namespace on namespace.oid = function.pronamespace and namespace.nspname in ('public', 'private')
    join pg_language language on language.oid = function.prolang and language.lanname in ('sql', 'plpgsql')
    where function.prokind = 'f' and function.provolatile = 'v'
    order by 1, function.oid`;
}

/** The SQL functions that lock or write, by name, with those that call them: they cannot be stopped inside. */
export async function touchingSqlFunctions(functions: readonly StoredFunction[]): Promise<Set<string>> {
  const bodies = functions.filter(({ language }) => language === 'sql');
  const touching = new Set<string>();
  for (let before = -1; before !== touching.size;) {
    before = touching.size;
    for (const { name, body } of bodies) {
      if (!touching.has(name) && (await touches(body, touching))) touching.add(name);
    }
  }
  return touching;
}

/** Whether it locks rows, takes an advisory lock, writes, or calls one of these functions. */
async function touches(text: string, touching: ReadonlySet<string>): Promise<boolean> {
  return (await parseSql(text)).statements.some(({ node }) => {
    const names = nodesOf(node, 'FuncCall').map(({ funcname }) =>
      (funcname ?? []).map((part) => ('String' in part ? part.String.sval : '')).join('.'),
    );
    return (
      WRITES.some((kind) => nodesOf(node, kind).length > 0) ||
      names.some((name) => touching.has(name) || ADVISORY.test(name))
    );
  });
}

/**
 * The function's definition with `explore.stop('name:line')` before each statement that locks or writes. A call in an `assert`
 * changes neither `found` nor the row count, as `perform` would.
 * @param line of the body as it stands in the catalogue; its first line is the one of the opening quote
 * @throws {Error} for a statement that shares its line with the one before
 */
export async function withStops(
  { name, body, definition }: StoredFunction,
  touching: ReadonlySet<string>,
): Promise<{ definition: string; stops: number }> {
  const lines = body.split('\n');
  const marked = await linesToStop(name, lines, definition, touching);
  for (const line of [...marked].sort((one, other) => other - one)) {
    // A label belongs to the loop below it.
    const isLabelled = /^\s*<<\w+>>\s*$/.test(lines[line - 2] ?? '');
    lines.splice(line - 1 - Number(isLabelled), 0, `assert explore.stop('${name}:${line}');`);
  }
  return { definition: replaceOnce(definition, body, lines.join('\n')), stops: marked.size };
}

async function linesToStop(
  name: string,
  lines: readonly string[],
  definition: string,
  touching: ReadonlySet<string>,
): Promise<Set<number>> {
  const marked = new Set<number>();
  const pending: Promise<void>[] = [];
  const visit = (node: unknown, kind: string, line: number): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each, kind, line);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'datums') continue;
      if (key === 'PLpgSQL_expr') {
        pending.push(
          isTouched(expression.parse(value), kind, touching).then((isTouching) => {
            if (!isTouching) return;
            if (FIRST_WORDS[kind]?.test((lines[line - 1] ?? '').trim()) !== true) {
              throw new Error(`${name}:${line} must begin a line to be stopped before: ${kind}`);
            }
            marked.add(line);
          }),
        );
      } else if (key.startsWith('PLpgSQL_stmt_'))
        visit(value, key, withLine.safeParse(value).data?.lineno ?? line);
      else visit(value, kind, line);
    }
  };
  visit(await parsePlPgSQL(definition), '', 0);
  await Promise.all(pending);
  return marked;
}

async function isTouched(
  { query, parseMode }: z.infer<typeof expression>,
  kind: string,
  touching: ReadonlySet<string>,
): Promise<boolean> {
  if (DYNAMIC_KINDS.includes(kind) && DYNAMIC_TOUCH.test(query)) return true;
  if (parseMode < EXPRESSION_MODE) return touches(query, touching);
  // Of an assignment, what stands behind its first sign.
  const value = parseMode === EXPRESSION_MODE ? query : query.replace(/^[^:=]*:?=/, '');
  return touches(`select ${value}`, touching);
}

/** @throws {Error} where the text does not stand there once */
export function replaceOnce(text: string, part: string, replacement: string): string {
  const pieces = text.split(part);
  if (pieces.length !== 2) throw new Error(`expected once, found ${pieces.length - 1} times: ${part}`);
  return pieces.join(replacement);
}
