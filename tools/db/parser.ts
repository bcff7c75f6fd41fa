/**
 * Typed access to PostgreSQL's own parsers, as far as the checks need it. Their positions are offsets in UTF-8 bytes; here
 * they become lines, so that a finding is clickable.
 */
import { parse, parsePlPgSQL, scan, hasSqlDetails, type Node } from 'libpg-query';
import { z } from 'zod';

type KeyOf<Union> = Union extends unknown ? keyof Union : never;
type NodeKind = KeyOf<Node>;
type NodeOf<Kind extends NodeKind> = Extract<Node, Record<Kind, unknown>>[Kind];

export interface Statement {
  node: Node;
  /** The text from its first word on, without the semicolon. */
  text: string;
  line: number;
}

export interface Comment {
  text: string;
  line: number;
}

interface Parsed {
  statements: Statement[];
  /** Comments outside of function bodies; a body is one text. */
  comments: Comment[];
}

/** A text that PostgreSQL cannot parse. */
export class SqlSyntaxError extends Error {
  override name = 'SqlSyntaxError';
  readonly line: number;

  constructor(message: string, line: number, options?: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

const COMMENTS = ['SQL_COMMENT', 'C_COMMENT'];

/** Splits a text into statements and comments. @throws {SqlSyntaxError} */
export async function parseSql(text: string): Promise<Parsed> {
  const bytes = Buffer.from(text);
  const lineAt = (offset: number) => bytes.subarray(0, offset).toString().split('\n').length;
  const tree = await parse(text).catch((cause: unknown) => {
    const position = hasSqlDetails(cause) ? (cause.sqlDetails?.cursorPosition ?? 0) : 0;
    throw new SqlSyntaxError(messageOf(cause), text.slice(0, position).split('\n').length, { cause });
  });
  // The scanner fails on an empty text.
  const tokens = text.trim() === '' ? [] : (await scan(text)).tokens;
  const isComment = (name: string) => COMMENTS.includes(name);
  const statements = (tree.stmts ?? []).flatMap(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    const first = tokens.find(({ start, tokenName }) => start >= from && !isComment(tokenName));
    if (stmt === undefined || first === undefined) return [];
    const end = length === undefined || length === 0 ? bytes.length : from + length;
    const own = bytes.subarray(first.start, end).toString().trimEnd();
    return [{ node: stmt, text: own, line: lineAt(first.start) }];
  });
  const comments = tokens
    .filter(({ tokenName }) => isComment(tokenName))
    .map((token) => ({ text: token.text, line: lineAt(token.start) }));
  return { statements, comments };
}

/** All nodes of one kind in a tree, nested ones included. */
export function nodesOf<Kind extends NodeKind>(tree: unknown, kind: Kind): NodeOf<Kind>[] {
  const found: NodeOf<Kind>[] = [];
  walk(tree, (key, value) => {
    // Safe: the parser wraps each node in an object whose only key is the node's kind.
    if (key === kind) found.push(value as NodeOf<Kind>);
  });
  return found;
}

/** Calls `visit` for each keyed object of a tree, outer objects first. */
function walk(tree: unknown, visit: (key: string, value: object) => void): void {
  if (Array.isArray(tree)) {
    for (const each of tree) walk(each, visit);
  } else if (typeof tree === 'object' && tree !== null) {
    for (const [key, value] of Object.entries(tree)) {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) visit(key, value as object);
      walk(value, visit);
    }
  }
}

/** A name of one or more parts, such as `private.claim`. */
export function nameOf(parts: readonly Node[] | undefined): string {
  return (parts ?? []).map((part) => ('String' in part ? (part.String.sval ?? '') : '')).join('.');
}

const expression = z.object({ query: z.string(), parseMode: z.number().default(0) });
const variable = z.object({
  refname: z.string(),
  lineno: z.number().optional(),
  default_val: z.object({ PLpgSQL_expr: expression }).optional(),
});
const dynamic = z.object({
  lineno: z.number().default(1),
  query: z.object({ PLpgSQL_expr: expression }).optional(),
  dynquery: z.object({ PLpgSQL_expr: expression }).optional(),
});
const assignment = z.object({
  lineno: z.number().default(1),
  expr: z.object({ PLpgSQL_expr: expression }),
});
const withLine = z.object({ lineno: z.number() });
const foreach = z.object({ varno: z.number(), expr: z.object({ PLpgSQL_expr: expression }) });
const diagnostic = z.object({ target: z.number() });
const functions = z.object({
  plpgsql_funcs: z.array(z.object({ PLpgSQL_function: z.object({ datums: z.array(z.unknown()) }) })),
});
const declared = z.object({ PLpgSQL_var: z.object({ refname: z.string() }) });
const row = z.object({ fields: z.array(z.object({ name: z.string() })).default([]) });

export interface BodyText {
  text: string;
  /** Line in the body, counted from the line of the opening quote. */
  line: number;
}

/** The parts of a PL/pgSQL body. */
export interface PlpgsqlBody {
  /**
   * Static SQL, each statement in a form that can be parsed by itself (an expression as `select …`). Without those of
   * `executed`.
   */
  statements: BodyText[];
  /** Expressions whose value is executed as a statement. */
  executed: BodyText[];
  /**
   * Declared variables with all expressions assigned to them; undefined if they also get other values, such as a row's
   * column.
   */
  variables: Map<string, string[] | undefined>;
  /** Variables declared without a value, which may be null. */
  unset: Set<string>;
}

const DYNAMIC = [
  'PLpgSQL_stmt_dynexecute',
  'PLpgSQL_stmt_dynfors',
  'PLpgSQL_stmt_return_query',
  'PLpgSQL_stmt_open',
];
/** Parse modes of the parser: a statement, an expression, and from ASSIGNMENT_MODE on assignments. */
const STATEMENT_MODE = 0;
const ASSIGNMENT_MODE = 3;

/** Parses `create function … language plpgsql` or `do`. @throws {SqlSyntaxError} */
export async function parsePlpgsql(text: string): Promise<PlpgsqlBody> {
  const tree: unknown = await parsePlPgSQL(text).catch((cause: unknown) => {
    throw new SqlSyntaxError(`PL/pgSQL: ${messageOf(cause)}`, 1, { cause });
  });
  const body: PlpgsqlBody = { statements: [], executed: [], variables: new Map(), unset: new Set() };
  const assigned: { name: string; value: string }[] = [];
  const otherwise = new Set<string>();
  const pending: Promise<void>[] = [];
  // Expressions have no line number: use that of the statement around them.
  const visit = (node: unknown, line: number): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each, line);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      const here = withLine.safeParse(value).data?.lineno ?? line;
      if (key === 'PLpgSQL_var') {
        const { refname, lineno, default_val } = variable.parse(value);
        // Parameters have no line number, and their value is unknown.
        if (lineno === undefined) otherwise.add(refname);
        else if (default_val) assigned.push({ name: refname, value: default_val.PLpgSQL_expr.query });
        else body.unset.add(refname);
        if (!body.variables.has(refname)) body.variables.set(refname, []);
      }
      if (key === 'PLpgSQL_row') for (const { name } of row.parse(value).fields) otherwise.add(name);
      if (['target', 'var'].includes(key)) {
        walk(value, (inner, given) => {
          if (inner === 'PLpgSQL_var') otherwise.add(variable.parse(given).refname);
        });
      }
      if (DYNAMIC.includes(key)) {
        const { query, dynquery } = dynamic.parse(value);
        const taken = key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors' ? query : dynquery;
        if (taken) body.executed.push({ text: taken.PLpgSQL_expr.query, line: here });
      }
      if (key === 'PLpgSQL_stmt_assign') {
        const { query } = assignment.parse(value).expr.PLpgSQL_expr;
        pending.push(
          splitAssignment(query).then(({ target, value: given }) => {
            assigned.push({ name: target, value: given });
          }),
        );
      }
      if (key === 'PLpgSQL_expr') {
        const { query, parseMode } = expression.parse(value);
        if (parseMode === STATEMENT_MODE) body.statements.push({ text: query, line: here });
        else if (parseMode < ASSIGNMENT_MODE) body.statements.push({ text: `select ${query}`, line: here });
        else {
          pending.push(
            splitAssignment(query).then(({ value: given }) => {
              body.statements.push({ text: `select ${given}`, line: here });
            }),
          );
        }
      }
      visit(value, here);
    }
  };
  visit(tree, 1);
  // Some statements refer to a variable by its number.
  const numbered = functions.parse(tree).plpgsql_funcs.flatMap(({ PLpgSQL_function: { datums } }) => datums);
  const nameBy = (number: number | undefined) =>
    declared.safeParse(number === undefined ? undefined : numbered[number]).data?.PLpgSQL_var.refname;
  walk(tree, (key, value) => {
    const written = key === 'PLpgSQL_diag_item' && nameBy(diagnostic.safeParse(value).data?.target);
    if (written) otherwise.add(written);
    if (key === 'PLpgSQL_stmt_foreach_a') {
      const { varno, expr } = foreach.parse(value);
      const name = nameBy(varno);
      // The variable gets each element in turn.
      if (name !== undefined) assigned.push({ name, value: `unnest(${expr.PLpgSQL_expr.query})` });
    }
  });
  await Promise.all(pending);
  // Dynamic statements are read by their value: a constant part must not be taken for a whole statement.
  const executed = new Set(body.executed.map(({ text, line }) => `${line} select ${text}`));
  body.statements = body.statements.filter(({ text, line }) => !executed.has(`${line} ${text}`));
  for (const { name, value } of assigned) body.variables.get(name)?.push(value);
  for (const name of otherwise) if (body.variables.has(name)) body.variables.set(name, undefined);
  return body;
}

/** Splits `v.column[1] := value` at the first `:=` or `=` outside of brackets. */
async function splitAssignment(text: string): Promise<{ target: string; value: string }> {
  const bytes = Buffer.from(text);
  let depth = 0;
  for (const { text: token, start, end } of (await scan(text)).tokens) {
    if (token === '[' || token === '(') depth++;
    if (token === ']' || token === ')') depth--;
    if (depth === 0 && (token === ':=' || token === '=')) {
      return {
        target: bytes.subarray(0, start).toString().trim(),
        value: bytes.subarray(end).toString().trim(),
      };
    }
  }
  throw new SqlSyntaxError(`an assignment without a value: ${text}`, 1);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
