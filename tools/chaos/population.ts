import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

/** What becomes of a report in the middle of the run. */
export type Fate = 'kept' | 'deleted';

export interface Doomed {
  /** How it goes: the report alone, with its owner's account, which Auth deletes either way, or as an operator asks for. */
  kind: 'reports deleted' | (typeof ACCOUNT_KINDS)[number];
  ownerId: string;
  reportIds: string[];
}

export interface Population {
  ownerId: string;
  /** Their jobs are those that the run is about. */
  kept: string[];
  doomed: Doomed[];
  /** Many write them at once: senders with events of their own, the owner, the platform. Every third is deleted meanwhile. */
  contested: string[];
  /** In every text of what is deleted, and in no other: none of our columns has it in the end. */
  canary: string;
  /** Jobs that no endpoint can name: they stay as they are. */
  unreadableJobs: readonly string[];
}

const ACCOUNT_KINDS = ['accounts deleted', 'accounts softly deleted', 'accounts erased'] as const;
const REPORTS_PER_ACCOUNT = 3;
const LEAST_CONTESTED = 3;

/** Adds the accounts and reports of a run, and what only `admin`, a superuser, can. One deletion of each kind for 120 jobs. */
export async function addPopulation(
  { sql, admin }: { sql: postgres.Sql; admin: postgres.Sql },
  { keptReports, jobs }: { keptReports: number; jobs: number },
): Promise<Population> {
  const canary = `canary${randomUUID().replaceAll('-', '')}`;
  const ownerId = await addAccount(sql);
  const kept = await addReports(sql, ownerId, keptReports, {});
  const contested = await addReports(sql, ownerId, Math.max(LEAST_CONTESTED, Math.ceil(jobs / 40)), {});
  const doomed: Doomed[] = [];
  for (let count = 0; count < Math.ceil(jobs / 120); count += 1) {
    const reportIds = await addReports(sql, ownerId, 1, { name: canary });
    doomed.push({ kind: 'reports deleted', ownerId, reportIds });
    for (const kind of ACCOUNT_KINDS) {
      const account = await addAccount(sql);
      const own = await addReports(sql, account, REPORTS_PER_ACCOUNT, { name: canary });
      doomed.push({ kind, ownerId: account, reportIds: own });
    }
  }
  return {
    ownerId,
    kept,
    doomed,
    contested,
    canary,
    unreadableJobs: await addUnreadableJobs(admin, ownerId),
  };
}

async function addAccount(sql: postgres.Sql): Promise<string> {
  const id = randomUUID();
  await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
  return id;
}

/** Adds reports of one user; answers their ids. */
export async function addReports(
  sql: postgres.Sql,
  ownerId: string,
  count: number,
  userData: postgres.JSONValue,
): Promise<string[]> {
  const rows = Array.from({ length: count }, () => ({
    id: randomUUID(),
    user_id: ownerId,
    user_data: sql.json(userData),
  }));
  await sql`insert into public.org_reports ${sql(rows, 'id', 'user_id', 'user_data')}`;
  return rows.map(({ id }) => id);
}

/** Ids that no endpoint reads. Only a superuser can make such a job: our constraint refuses them. */
const UNREADABLE_IDS = ['', 'x'.repeat(201), `${'x'.repeat(300)}\n`];

/**
 * Due jobs that no take-over can name. They stay due: the run counts as settled without them. Made before the run, since a
 * constraint has to give way for a moment.
 */
async function addUnreadableJobs(admin: postgres.Sql, ownerId: string): Promise<string[]> {
  const [reportId] = await addReports(admin, ownerId, 1, {});
  if (reportId === undefined) throw new Error('there is no report');
  await admin.begin(async (other) => {
    await other`alter table private.job_runs drop constraint job_id_can_be_named`;
    for (const id of UNREADABLE_IDS) {
      await other`
        insert into private.job_runs (
          job_id, report_type, report_id, stage, user_id, caller, prompt, lease_token, lease_expires_at)
        values (${id}, 'org', ${reportId}, 'prelim', ${ownerId}, 'pipeline', 'odd', 1, now())`;
    }
    await other`
      alter table private.job_runs add constraint job_id_can_be_named
        check (char_length(job_id) between 1 and 200) not valid`;
  });
  return UNREADABLE_IDS;
}
