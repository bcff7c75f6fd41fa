import type postgres from 'postgres';
import { sha256 } from '../local/sha256.ts';
import { timed, type WriteSeen } from './history/recorder.ts';
import { asOwner, asServer } from './roles.ts';

/** The owner, or the platform with its service key, writes a text into a report. */
export async function writeText(
  sql: postgres.Sql,
  { by, ownerId, report, text }: { by: WriteSeen['by']; ownerId: string; report: string; text: string },
): Promise<{ seen: WriteSeen; error?: unknown }> {
  const write = (other: postgres.TransactionSql) =>
    other`update public.org_reports set research_report = ${text} where id = ${report} returning id`;
  const { begin, end, answer, error } = await timed(() =>
    by === 'owner' ? asOwner(sql, ownerId, write) : asServer(sql, write),
  );
  const outcome = answer === null ? null : answer.length > 0 ? 'written' : 'gone';
  return {
    seen: { call: 'write', by, report, text: sha256(text), begin, end, answer: outcome },
    error,
  };
}
