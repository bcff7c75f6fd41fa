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

/** A function whose result, or a view whose columns, cannot be changed in place. */
const CANNOT_REPLACE = ['42P13', '42P16'];

export interface Replacement {
  source: Source;
  /** What a person must run before. */
  drop: string;
  reason: string;
}

/**
 * Applies sources in their order. What cannot be replaced in place is dropped first, with all that depends on it, and
 * reported: only a person may do that in a migration.
 * @param sql one connection, of which settings are changed
 * @throws {SourceError} when PostgreSQL refuses one for another reason
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
  // Dropping one takes others with it that stand already.
  if (replacements.length > 0) for (const source of sources) await sql.unsafe(source.text);
  return replacements;
}

/** Has PostgreSQL read the bodies, which it does not do while not everything is there that they name. */
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
