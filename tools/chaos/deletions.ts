import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { unexpected } from './connection-errors.ts';
import type { Doomed, Population } from './population.ts';
import { timed } from './history/recorder.ts';
import type { Random } from './random.ts';
import { asOwner, asServer } from './roles.ts';
import { writeText } from './write-text.ts';
import type { Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

type Kind = Doomed['kind'];

/**
 * Reports and accounts are deleted while their jobs run and their deliveries are under way, one after the other, until all
 * that are to go are gone. `faults`: what PostgreSQL refused, and should not have.
 */
export function deletions(
  system: ChaosSystem,
  random: Random,
  { doomed, canary }: Population,
  /** Whether all jobs are requested: from then on nothing is waited for. */
  areRequested: () => boolean,
): { kinds: Record<Kind, Happening>; left: () => number; faults: string[]; interrupted: () => number } {
  const left = [...doomed];
  const faults: string[] = [];
  let interrupted = 0;

  /** Of a report whose job runs or whose delivery is under way. */
  async function isBusy({ reportIds }: Doomed): Promise<boolean> {
    const rows = await system.sql`
      select from private.job_runs where report_id in ${system.sql(reportIds)} and status in ('queued', 'running')
      union all
      select from public.webhook_deliveries
      where report_id in ${system.sql(reportIds)} and status <> 'success' and dead_at is null`;
    return rows.length > 0;
  }

  const next =
    (kind: Kind): Happening =>
    async () => {
      for (const one of left.filter((candidate) => candidate.kind === kind)) {
        const busy = await isBusy(one);
        // Some go while their first job runs, others when there is more to go with them.
        if (!areRequested() && (!busy || random.fraction() < 0.7)) continue;
        // Half of the owners have edited a text, which is content too.
        if (random.fraction() < 0.5) note(one, await edit(system, one, canary));
        note(one, await remove(system, one));
        if (!(await isGone(system.sql, one))) return 0;
        left.splice(left.indexOf(one), 1);
        interrupted += busy ? 1 : 0;
        return 1;
      }
      return 0;
    };

  function note({ kind }: Doomed, error: unknown): void {
    const fault = unexpected(error);
    if (fault !== undefined) faults.push(`${kind}: ${fault}`);
  }
  return {
    kinds: {
      'reports deleted': next('reports deleted'),
      'accounts deleted': next('accounts deleted'),
      'accounts softly deleted': next('accounts softly deleted'),
      'accounts erased': next('accounts erased'),
    },
    left: () => left.length,
    faults,
    interrupted: () => interrupted,
  };
}

/** The error, if there was one. */
async function remove(system: ChaosSystem, one: Doomed): Promise<unknown> {
  const deletion = await timed(() => send(system, one));
  for (const report of one.reportIds) {
    // Reports of an account that was softly deleted, or is erased step by step, go with a sweep, at any later time.
    const hasEnded =
      deletion.end !== null && !['accounts softly deleted', 'accounts erased'].includes(one.kind);
    const { begin, end } = deletion;
    system.history.deletions.push({
      call: 'delete',
      report,
      begin,
      ...(hasEnded ? { end, answer: 'gone' } : { end: null, answer: null }),
    });
  }
  return deletion.error;
}

async function send(system: ChaosSystem, { kind, ownerId, reportIds }: Doomed): Promise<void> {
  switch (kind) {
    case 'reports deleted':
      await asOwner(
        system.editor,
        ownerId,
        (other) => other`delete from public.org_reports where id in ${other(reportIds)}`,
      );
      return;
    case 'accounts deleted':
      await system.auth`delete from auth.users where id = ${ownerId}`;
      return;
    case 'accounts softly deleted':
      await system.auth`update auth.users set deleted_at = now(), email = null where id = ${ownerId}`;
      return;
    case 'accounts erased':
      await asServer(system.editor, (other) => other`select public.erase_user(${ownerId}, 100)`);
      return;
    default:
      kind satisfies never;
  }
}

async function isGone(sql: postgres.Sql, { kind, ownerId, reportIds }: Doomed): Promise<boolean> {
  const rows =
    kind === 'reports deleted' || kind === 'accounts erased'
      ? await sql`select from public.org_reports where id in ${sql(reportIds)}`
      : await sql`select from auth.users where id = ${ownerId} and deleted_at is null`;
  return rows.length === 0;
}

/** The error, if there was one. */
async function edit(
  { editor, history }: ChaosSystem,
  { ownerId, reportIds }: Doomed,
  canary: string,
): Promise<unknown> {
  const [report] = reportIds;
  if (report === undefined) return undefined;
  const edited = await writeText(editor, {
    by: 'owner',
    ownerId,
    report,
    text: `edited ${randomUUID()} ${canary}`,
  });
  history.writes.push(edited.seen);
  return edited.error;
}
