import { nodesOf } from '../parser.ts';
import type { Finding, Rule } from '../finding.ts';
import type { Source } from '../read-sources.ts';
import { statedRights } from '../stated-rights.ts';
import { lintStatements, optionsOf, settingsOf } from './statements.ts';

/**
 * Roles to name in `revoke all`: old projects' default privileges open every new object to them, and functions are open to
 * `public` in every project.
 */
const EVERY_ROLE = ['public', 'anon', 'authenticated', 'service_role'];
const API_ROLES = ['anon', 'authenticated', 'service_role'];

/**
 * The longest `statement_timeout` of a function that a role may call through REST. The server waits `CALL_TIMEOUT_MS` for a
 * call; the difference leaves time for the answer, so that no call runs on in the database after its caller gave up.
 */
export const MOST_STATEMENT_MS = 7000;

/** The rules for a source, in addition to those for all SQL. */
export async function lintSource(source: Source): Promise<Finding[]> {
  const findings = await lintStatements(source.path, source.statements);
  const add = (rule: Rule, message: string, line?: number) => {
    findings.push({ where: source.path, rule, message, ...(line !== undefined && { line }) });
  };
  if (source.kind === 'table' && source.platform) {
    for (const { node, line } of source.statements) {
      if ('GrantStmt' in node)
        add('platform', `${source.object} is the platform's: grant and revoke nothing`, line);
      if ('AlterTableStmt' in node)
        add('platform', `${source.object} is the platform's: do not alter it`, line);
      if ('CommentStmt' in node && node.CommentStmt.objtype === 'OBJECT_TABLE') {
        add(
          'platform',
          `${source.object} is the platform's: comment only on our columns, policies and triggers`,
          line,
        );
      }
    }
    return findings;
  }

  if (!hasComment(source)) add('comment', `comment on ${source.kind} ${source.object} is missing`);
  const { rights, revoked, faults } = statedRights(source);
  for (const { line, message } of faults) add('rights', message, line);
  const on = source.kind === 'function' ? 'function' : 'relation';
  const from = revoked.get(`${on} ${source.object}`);
  const missing = (on === 'function' ? EVERY_ROLE : API_ROLES).filter((role) => from?.has(role) !== true);
  if (missing.length > 0) {
    add(
      'rights',
      `its rights are not stated: revoke all on ${source.object} from ${missing.join(', ')} is missing`,
    );
  }

  switch (source.kind) {
    case 'function': {
      const security = optionsOf(source.stmt).get('security')?.arg;
      const isDefiner = security && 'Boolean' in security && security.Boolean.boolval === true;
      if (isDefiner && !source.comments.some(({ text }) => /definer/i.test(text))) {
        add(
          'definer',
          `${source.object} runs with its owner's rights: say why in a comment with the word "definer", outside its body`,
        );
      }
      const isCalled =
        source.object.startsWith('public.') &&
        rights.some((right) => right.on === `function ${source.object}`);
      const [limit, ...others] = settingsOf(source.stmt, 'statement_timeout').map(milliseconds);
      if (
        isCalled &&
        !(limit !== undefined && limit > 0 && limit <= MOST_STATEMENT_MS && others.length === 0)
      ) {
        add(
          'time-limit',
          `${source.object} can be called through REST: write set statement_timeout = '7s', or less, once`,
        );
      }
      break;
    }
    case 'view': {
      const options = optionsOf(source.stmt);
      const invoker = options.get('security_invoker')?.arg;
      if (!(invoker && 'String' in invoker && invoker.String.sval === 'true')) {
        add(
          'invoker',
          `${source.object} must be made with (security_invoker = true), or it shows its owner's rows`,
        );
      }
      break;
    }
    case 'table': {
      const commands = nodesOf(
        source.statements.map(({ node }) => node),
        'AlterTableCmd',
      );
      if (!commands.some(({ subtype }) => subtype === 'AT_EnableRowSecurity')) {
        add('row-level-security', `alter table ${source.object} enable row level security is missing`);
      }
      break;
    }
  }
  return findings;
}

function hasComment({ kind, statements }: Source): boolean {
  const type = `OBJECT_${kind.toUpperCase()}`;
  return statements.some(
    ({ node }) =>
      'CommentStmt' in node && node.CommentStmt.objtype === type && (node.CommentStmt.comment ?? '') !== '',
  );
}

/** As PostgreSQL reads a time without a fraction: a number alone is milliseconds. */
function milliseconds(value: string | undefined): number | undefined {
  const [, number, unit = ''] = /^\s*(\d+)\s*(ms|s|min)?\s*$/.exec(value ?? '') ?? [];
  return number === undefined ? undefined : Number(number) * (UNIT_MS[unit] ?? 1);
}

const UNIT_MS: Record<string, number> = { s: 1000, min: 60_000 };
