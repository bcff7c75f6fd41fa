import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { addReports, type Population } from './population.ts';
import type { Random } from './random.ts';
import { asServer } from './roles.ts';
import { pause, type Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

/** Many UTF-16 units and few characters; or full of what addresses, SQL and JSON give a meaning to. With the rest of an id. */
const ODD_IDS = ['🚀'.repeat(150), '%2F..?&#\'"\\;--', 'line\nline\ttab '];

/** Rows that no client of today makes: each may cost only itself. `jobs`: those among them, which end like any other. */
export function oddRows(
  system: ChaosSystem,
  random: Random,
  { ownerId, kept }: Population,
): { kinds: Record<string, Happening>; jobs: string[] } {
  const jobs: string[] = [];

  /** As the platform's first version makes it: with the service key, in report_jobs alone. Its runner is silent from the start. */
  async function platformJob(jobId: string, columns: Record<string, string | number>): Promise<number> {
    const [reportId] = await addReports(system.sql, ownerId, 1, {});
    if (reportId === undefined) return 0;
    const metadata = { report_type: 'org', report_id: reportId, stage: ['final'] };
    const row = { job_id: jobId, user_id: ownerId, status: 'running', prompt: 'odd', metadata, ...columns };
    const names = Object.keys(row);
    await asServer(
      system.editor,
      // As the REST layer does it: from JSON, whose times are PostgreSQL's.
      (other) => other`
        insert into public.report_jobs (${other(names)})
        select ${other(names)} from jsonb_populate_record(null::public.report_jobs, ${other.json(row)})`,
    );
    jobs.push(jobId);
    await system.sql`update private.job_runs set lease_expires_at = now() where job_id = ${jobId}`;
    return 1;
  }

  /** Only a superuser: our triggers bound what servers write, and owners may not set times at all. */
  const time =
    (value: string): Happening =>
    async () => {
      const rows = await withoutTriggers(
        system.admin,
        (other) => other`
          update public.org_reports set created_at = ${value}::text::timestamptz, updated_at = ${value}::text::timestamptz
          where id = ${random.pick(kept)} returning id`,
      );
      return rows.length;
    };

  const kinds = {
    'jobs with odd ids': async () => {
      const made = await Promise.all(ODD_IDS.map((id) => platformJob(`${id}${randomUUID()}`, {})));
      return made.reduce((sum, one) => sum + one, 0);
    },
    'jobs with odd values': () =>
      platformJob(`odd_${randomUUID()}`, {
        created_at: 'infinity',
        started_at: '0044-03-15 BC',
        temperature: -9,
        max_tokens: -1,
        percent: 100,
        eta_seconds: -5,
      }),
    // Only a superuser: one function writes deliveries, and it makes answers itself.
    'deliveries with odd answers': async () => {
      const answer = random.pick(['[[1e400]]', '"text"', 'null', '12345678901234567890', '{"status":{}}']);
      const rows = await system.admin`
        update public.webhook_deliveries set response = ${answer}::text::jsonb
        where id in (
          select id from public.webhook_deliveries
          where status in ('failed', 'sent') and dead_at is null limit 3 for update skip locked)
        returning id`;
      return rows.length;
    },
    'contents taken away': (ended: AbortSignal) => takeContents(system, ended),
    'reports of infinity': time('infinity'),
    'reports of the year 10000': time('10000-01-01'),
    'reports of before Christ': time('0044-03-15 BC'),
    'reports with a list as user_data': async () => {
      await asServer(
        system.editor,
        (other) => other`
          update public.org_reports set user_data = ${other.json([[], 'odd', null])} where id = ${random.pick(kept)}`,
      );
      return 1;
    },
  };
  return { kinds, jobs };
}

/**
 * The contents of results that are not applied yet are gone for some seconds, as while one table is restored. Only a superuser
 * can do that: contents are kept until their event is erased.
 */
async function takeContents(system: ChaosSystem, ended: AbortSignal): Promise<number> {
  const taken = await system.admin<{ event_id: string; content: string }[]>`
    select content.event_id, to_jsonb(content)::text as content from private.report_contents content
    where event_id in (
      select event.id from public.report_events event
      join public.webhook_deliveries delivery on delivery.event_id = event.id
      where event.effect is null and event.erased_at is null and delivery.dead_at is null limit 2)`;
  if (taken.length === 0) return 0;
  const ids = taken.map(({ event_id }) => event_id);
  await withoutTriggers(
    system.admin,
    (other) => other`
      with waiting as (
        select id from public.report_events where id in ${other(ids)} and effect is null and erased_at is null
        for update skip locked)
      delete from private.report_contents content using waiting where waiting.id = content.event_id`,
    // Should the answer be lost, they may be gone.
  ).catch(() => undefined);
  await pause(2_000, ended);
  for (const { event_id, content } of taken) {
    // The database may be restarting; without its content, the event would never be applied.
    for (let isBack = false; !isBack;) {
      isBack = await withoutTriggers(system.admin, async (other) => {
        await other`
          insert into private.report_contents
          select content.* from jsonb_populate_record(null::private.report_contents, ${content}::text::jsonb) content
          join (select id from public.report_events where id = ${event_id} and erased_at is null for share) event
            on event.id = content.event_id
          on conflict do nothing`;
        return true;
      }).catch(() => pause(200, new AbortController().signal).then(() => false));
    }
  }
  return taken.length;
}

async function withoutTriggers<T>(
  admin: postgres.Sql,
  work: (other: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const { result } = await admin.begin(async (other) => {
    await other`set local session_replication_role = replica`;
    return { result: await work(other) };
  });
  return result;
}
