import postgres from 'postgres';
import type { Finding } from './finding.ts';
import type { Source } from './read-sources.ts';

/** PostgreSQL refused a source. */
export class SourceError extends Error {
  override name = 'SourceError';
  readonly finding: Finding;

  constructor(finding: Finding, options?: ErrorOptions) {
    super(`${finding.where}: ${finding.message}`, options);
    this.finding = finding;
  }
}

/** SQLSTATEs: the result of a function, or the columns of a view, cannot be changed in place. */
const CANNOT_REPLACE = ['42P13', '42P16'];

export interface Replacement {
  source: Source;
  /** The statement that a person must run first. */
  drop: string;
  reason: string;
}

/**
 * Applies sources in their order. A source that cannot replace its object in place is applied after `drop … cascade` and
 * reported: in a migration only a person may decide that.
 * @param sql one connection, whose settings are changed
 * @throws {SourceError} when PostgreSQL rejects a source for another reason
 */
export async function applySources(sql: postgres.ISql, sources: readonly Source[]): Promise<Replacement[]> {
  await sql.unsafe('set check_function_bodies = off');
  const replacements: Replacement[] = [];
  for (const source of sources) {
    try {
      await sql.unsafe(source.text);
    } catch (error) {
      const replacement = replacementFor(source, error);
      if (replacement === undefined) throw refusal(source, error);
      replacements.push(replacement);
      await sql.unsafe(`${replacement.drop} cascade`);
      await sql.unsafe(source.text).catch((again: unknown) => {
        throw refusal(source, again);
      });
    }
  }
  // `cascade` may have dropped objects of sources that were applied before: apply all again.
  if (replacements.length > 0) for (const source of sources) await sql.unsafe(source.text);
  return replacements;
}

/** Has PostgreSQL check function bodies, now that every object that they name exists. */
export async function checkBodies(sql: postgres.ISql, sources: readonly Source[]): Promise<Finding[]> {
  await sql.unsafe('set check_function_bodies = on');
  const findings: Finding[] = [];
  for (const source of sources) {
    if (source.kind !== 'function') continue;
    await sql.unsafe(source.text).catch((error: unknown) => {
      findings.push(refusal(source, error).finding);
    });
  }
  return findings;
}

function replacementFor(source: Source, error: unknown): Replacement | undefined {
  if (!(error instanceof postgres.PostgresError) || !CANNOT_REPLACE.includes(error.code)) return undefined;
  if (source.kind === 'table') return undefined;
  const drop = source.kind === 'view' ? `drop view ${source.object}` : `drop function ${source.signature}`;
  return { source, drop, reason: error.message };
}

function refusal(source: Source, cause: unknown): SourceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const hint = cause instanceof postgres.PostgresError && cause.hint ? ` (${cause.hint})` : '';
  return new SourceError({ where: source.path, rule: 'syntax', message: `${message}${hint}` }, { cause });
}
