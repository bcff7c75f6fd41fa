import type { CreateFunctionStmt, DefElem, DoStmt, Node } from 'libpg-query';
import type { Finding, Rule } from '../finding.ts';
import {
  nameOf,
  nodesOf,
  parsePlpgsql,
  parseSql,
  SqlSyntaxError,
  type BodyText,
  type Statement,
} from '../parser.ts';
import { NULL_MARK, readTexts, UnreadableError, variablesOf } from './dynamic-text.ts';

/** The rules for every statement in sources, migrations and function bodies. */
export async function lintStatements(where: string, statements: readonly Statement[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const statement of statements) {
    const add = (rule: Rule, message: string, line = statement.line) => {
      findings.push({ where, line, rule, message });
    };
    const { node } = statement;
    findings.push(...(await lintText(where, node, statement.line)));
    if ('CreateFunctionStmt' in node) {
      for (const { rule, message } of functionFaults(node.CreateFunctionStmt)) add(rule, message);
      findings.push(...(await lintBody(where, statement, bodyOf(node.CreateFunctionStmt))));
    }
    if ('DoStmt' in node) findings.push(...(await lintBody(where, statement, doBodyOf(node.DoStmt))));
  }
  return findings;
}

/** Faults that a parse tree shows by itself, wherever the statement stands. */
async function lintText(where: string, tree: Node, line: number): Promise<Finding[]> {
  const findings = faultsOf(tree).map(({ rule, message }): Finding => ({ where, line, rule, message }));
  // A statement that is executed elsewhere, such as the command of a schedule, is a text constant here.
  for (const { sval } of nodesOf(tree, 'A_Const')) {
    const text = sval?.sval ?? '';
    if (!text.includes(' ')) continue;
    const inner = await parseSql(text).catch(() => undefined);
    for (const { node } of inner?.statements ?? []) {
      for (const { rule, message } of faultsOf(node)) {
        findings.push({ where, line, rule, message: `${message} (in a text constant)` });
      }
    }
  }
  return findings;
}

function faultsOf(tree: Node): { rule: Rule; message: string }[] {
  const faults: { rule: Rule; message: string }[] = [];
  const unguarded = [
    ...nodesOf(tree, 'UpdateStmt').map((stmt) => ({ verb: 'update', ...stmt })),
    ...nodesOf(tree, 'DeleteStmt').map((stmt) => ({ verb: 'delete', ...stmt })),
  ].filter(({ whereClause }) => whereClause === undefined);
  for (const { verb, relation } of unguarded) {
    const table = [relation?.schemaname, relation?.relname].filter((part) => part !== undefined).join('.');
    faults.push({
      rule: 'without-where',
      message: `${verb} of ${table} has no where: hosted Supabase refuses it in every request`,
    });
  }
  for (const { targtype, objtype } of nodesOf(tree, 'GrantStmt')) {
    if (targtype !== 'ACL_TARGET_ALL_IN_SCHEMA') continue;
    const kind = (objtype ?? '').replace('OBJECT_', '').toLowerCase();
    faults.push({
      rule: 'on-all',
      message: `"on all ${kind}s" also changes objects of the platform: name each object`,
    });
  }
  if (nodesOf(tree, 'AlterDefaultPrivilegesStmt').length > 0) {
    faults.push({
      rule: 'default-privileges',
      message: 'default privileges belong to the platform: state the rights of each object',
    });
  }
  return faults;
}

export function optionsOf({ options }: { options?: Node[] }): Map<string, DefElem> {
  const elements = (options ?? []).flatMap((option) => ('DefElem' in option ? [option.DefElem] : []));
  return new Map(elements.map((element) => [element.defname ?? '', element]));
}

function textOf(element: DefElem | undefined): string | undefined {
  const arg = element?.arg;
  return arg && 'String' in arg ? (arg.String.sval ?? '') : undefined;
}

function functionFaults(stmt: CreateFunctionStmt): { rule: Rule; message: string }[] {
  const name = nameOf(stmt.funcname);
  const options = optionsOf(stmt);
  const faults: { rule: Rule; message: string }[] = [];
  if (!options.has('language')) {
    faults.push({ rule: 'language', message: `${name} states no language` });
  }
  if (stmt.is_procedure !== true && !options.has('volatility')) {
    faults.push({
      rule: 'volatility',
      message: `${name} states no volatility: write volatile, stable or immutable`,
    });
  }
  if (!pinsSearchPath(stmt)) {
    faults.push({
      rule: 'search-path',
      message: `${name} does not set search_path to '': its names would depend on the caller`,
    });
  }
  return faults;
}

/**
 * The value that a function's `set` clauses give a setting; the last clause is in effect. Undefined for a clause without a
 * literal value, such as `from current`.
 */
export function settingsOf({ options }: CreateFunctionStmt, setting: string): (string | undefined)[] {
  return nodesOf(options, 'VariableSetStmt')
    .filter(({ name }) => name === setting)
    .map(({ kind, args }) => {
      const [only] = args ?? [];
      if (kind !== 'VAR_SET_VALUE' || args?.length !== 1 || only === undefined || !('A_Const' in only)) {
        return undefined;
      }
      const { sval, ival } = only.A_Const;
      if (sval !== undefined) return sval.sval ?? '';
      return ival === undefined ? undefined : String(ival.ival ?? 0);
    });
}

/**
 * Whether there is exactly `set search_path = ''`. All options are searched, since several `set` clauses have the same option
 * name.
 */
function pinsSearchPath(stmt: CreateFunctionStmt): boolean {
  const settings = settingsOf(stmt, 'search_path');
  return settings.length > 0 && settings.every((value) => value === '');
}

interface Body {
  language: string;
  /** Undefined for a body in standard form (`begin atomic`), which is part of the statement's own tree. */
  text: string | undefined;
}

export function bodyOf(stmt: CreateFunctionStmt): Body {
  const options = optionsOf(stmt);
  const as = options.get('as')?.arg;
  const [item] = as && 'List' in as ? (as.List.items ?? []) : [];
  return {
    language: textOf(options.get('language')) ?? 'sql',
    text: item && 'String' in item ? (item.String.sval ?? '') : undefined,
  };
}

function doBodyOf({ args }: DoStmt): Body {
  const options = optionsOf({ options: args ?? [] });
  return { language: textOf(options.get('language')) ?? 'plpgsql', text: textOf(options.get('as')) ?? '' };
}

async function lintBody(where: string, statement: Statement, body: Body): Promise<Finding[]> {
  if (body.text === undefined) return [];
  // The parser keeps the body unchanged, so it can be located in the statement, whether options follow or not.
  const start = statement.text.indexOf(body.text);
  const firstLine = statement.line + statement.text.slice(0, Math.max(start, 0)).split('\n').length - 1;
  try {
    if (body.language === 'sql') return await lintStatements(where, await parseAt(body.text, firstLine));
    if (body.language === 'plpgsql') return await lintPlpgsql(where, statement.text, firstLine);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return [{ where, line: firstLine + error.line - 1, rule: 'syntax', message: error.message }];
  }
  return [
    { where, line: statement.line, rule: 'language', message: `language ${body.language} cannot be checked` },
  ];
}

async function parseAt(text: string, firstLine: number): Promise<Statement[]> {
  const { statements } = await parseSql(text);
  return statements.map((statement) => ({ ...statement, line: statement.line + firstLine - 1 }));
}

async function lintPlpgsql(where: string, definition: string, firstLine: number): Promise<Finding[]> {
  const body = await parsePlpgsql(definition);
  const findings: Finding[] = [];
  const at = (line: number) => firstLine + line - 1;
  for (const { text, line } of body.statements) {
    findings.push(...(await lintPart(where, text, at(line))));
  }
  const variables = variablesOf(body);
  for (const executed of body.executed) {
    const line = at(executed.line);
    try {
      findings.push(...(await lintExecuted(where, executed, line, variables)));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      const message = `cannot tell which statement is executed: ${error.message}. Use format() with a constant text`;
      findings.push({ where, line, rule: 'dynamic', message });
    }
  }
  return distinct(findings);
}

async function lintPart(where: string, text: string, line: number): Promise<Finding[]> {
  try {
    return await lintStatements(
      where,
      (await parseSql(text)).statements.map((each) => ({ ...each, line })),
    );
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return [{ where, line, rule: 'syntax', message: `${error.message}: ${excerpt(text)}` }];
  }
}

async function lintExecuted(
  where: string,
  { text }: BodyText,
  line: number,
  variables: Parameters<typeof readTexts>[1],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  // Executing null is an error in PostgreSQL: such texts are never run.
  const texts = (await readTexts(text, variables)).filter((executed) => executed !== null);
  let read = 0;
  let unread: { executed: string; error: SqlSyntaxError } | undefined;
  for (const marked of texts) {
    const executed = marked.replaceAll(NULL_MARK, '');
    const parsed = await parseSql(executed).catch((error: unknown) => {
      if (!(error instanceof SqlSyntaxError)) throw error;
      // PostgreSQL would reject this text too. If a part of it is null, the code presumably checks for null before it
      // executes the text: only without a null is this an error.
      if (marked === executed) throw unreadable(executed, error);
      unread = { executed, error };
      return undefined;
    });
    if (parsed === undefined) continue;
    read++;
    findings.push(
      ...(await lintStatements(
        where,
        parsed.statements.map((each) => ({ ...each, line })),
      )),
    );
  }
  if (read === 0 && unread !== undefined) throw unreadable(unread.executed, unread.error);
  return findings;
}

function unreadable(executed: string, cause: SqlSyntaxError): UnreadableError {
  return new UnreadableError(`${cause.message} in "${excerpt(executed)}"`, { cause });
}

/** Variants of one dynamic statement report the same fault once. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}

const EXCERPT_CHARACTERS = 120;

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > EXCERPT_CHARACTERS ? `${line.slice(0, EXCERPT_CHARACTERS)}…` : line;
}
