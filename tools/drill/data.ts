import type postgres from 'postgres';
import type { Bed } from './bed.ts';
import type { Drill, Promised } from './drill.ts';
import { holdOpen } from './hold-open.ts';
import { SHORT_TEXT } from './model.ts';

/** All rows are verified within a day, a slice of a hundred per sweep. A whole drill has few enough for a dozen sweeps. */
function finding(problem: string): Promised {
  return {
    rule: 'verify_findings',
    subject: '',
    withinMinutes: 20,
    resolvedWithinMinutes: 25,
    fault: ({ facts: { problems } }) =>
      Array.isArray(problems) && problems.some((said) => said.startsWith(problem))
        ? undefined
        : `it does not say: ${problem}`,
  };
}

/** Changes rows without our triggers, as a person who restores a table by hand. */
function byHand(admin: postgres.Sql, change: (sql: postgres.TransactionSql) => Promise<unknown>) {
  return admin.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await change(sql);
  });
}

async function oneResult(bed: Bed): Promise<void> {
  await bed.run(1, 'final');
}

const DAY_SECONDS = 86_400;
const HALF_AN_HOUR = 1_800;
/** Incompressible, and below the limit of a webhook. */
const LONG_TEXT = { kind: 'write', characters: 400_000 } as const;

/** The rule reads estimates that autovacuum would update at some time. */
async function vacuum(admin: postgres.Sql): Promise<void> {
  await admin`vacuum analyze`;
}

export const DATA_DRILLS: readonly Drill[] = [
  {
    name: 'row-changed',
    fault: 'somebody restores another text into a report',
    alerts: [finding('content differs from the winning event')],
    prepare: oneResult,
    break: async ({ admin }) => {
      const [row] = await admin<{ id: string; text: string }[]>`
        select id, research_report as text from public.org_reports where winner_event_id is not null
        order by created_at desc limit 1`;
      if (row === undefined) throw new Error('no report has a result');
      const { id, text } = row;
      await byHand(
        admin,
        (sql) => sql`update public.org_reports set research_report = 'other' where id = ${id}`,
      );
      return () =>
        byHand(admin, (sql) => sql`update public.org_reports set research_report = ${text} where id = ${id}`);
    },
  },
  {
    name: 'content-missing',
    fault: 'somebody loses the content of an event',
    alerts: [finding('an event whose content is missing')],
    prepare: oneResult,
    break: async ({ admin }) => {
      const [row] = await admin<{ id: string; content: string }[]>`
        select event_id as id, to_jsonb(content)::text as content from private.report_contents content limit 1`;
      if (row === undefined) throw new Error('no event has content');
      const { id, content } = row;
      await byHand(admin, (sql) => sql`delete from private.report_contents where event_id = ${id}`);
      return () =>
        byHand(
          admin,
          (sql) => sql`
            insert into private.report_contents
            select * from jsonb_populate_record(null::private.report_contents, ${content}::text::jsonb)`,
        );
    },
  },
  {
    name: 'slice-fails',
    fault: 'somebody has renamed a function that verifies',
    alerts: [finding('a slice that could not be verified: 42883')],
    break: async ({ editor }) => {
      await editor`alter function private.verify_part rename to verify_parts`;
      return async () => {
        await editor`alter function private.verify_parts rename to verify_part`;
      };
    },
  },
  {
    name: 'erasure-held',
    fault: 'an open transaction holds the job of a deleted report for more than a day',
    alerts: [
      {
        ...finding('an overdue erasure'),
        withinMinutes: 30 * 60,
        resolvedWithinMinutes: 13 * 60,
      },
    ],
    stepSeconds: HALF_AN_HOUR,
    workUnbroken: async (bed) => {
      await oneResult(bed);
      await bed.admin`
        delete from public.org_reports
        where id = (select id from public.org_reports order by created_at desc limit 1)`;
    },
    break: async (bed) => {
      const { editor, admin } = bed;
      const [job = ''] = await bed.run(1, 'final');
      const release = await holdOpen(
        editor,
        (other) => other`select from private.job_runs where job_id = ${job} for update`,
      );
      await admin`
        delete from public.org_reports
        where id = (select report_id from private.job_runs where job_id = ${job})`;
      return release;
    },
  },
  {
    name: 'table-grows',
    fault: 'reports become a thousand times longer',
    setting: 'table_growth with minimum = 1 MB instead of 100',
    alerts: [
      {
        rule: 'table_growth',
        subject: 'private.report_contents',
        withinMinutes: 60,
        // The alert compares with the size a day ago, so it resolves after a day.
        resolvedWithinMinutes: 27 * 60,
      },
    ],
    also: ['table_growth'],
    stepSeconds: HALF_AN_HOUR,
    prepare: async (bed) => {
      await bed.editor`update private.alert_rules set minimum = 1 where rule = 'table_growth'`;
      await vacuum(bed.admin);
      // Sizes are recorded once an hour and compared with those of a day ago.
      await bed.pass(3600);
      await bed.pass(DAY_SECONDS);
    },
    work: async (bed) => {
      await bed.run(10, 'final');
      await vacuum(bed.admin);
    },
    break: ({ model }) => {
      model.behave(LONG_TEXT);
      return () => {
        model.behave(SHORT_TEXT);
      };
    },
  },
  {
    name: 'secret-old',
    fault: 'no secret is rotated for more than 35 days',
    alerts: [
      {
        rule: 'secret_age',
        subject: /^WEBHOOK_SECRET [0-9a-f]{12}$/,
        withinMinutes: 2 * 24 * 60,
        resolvedWithinMinutes: 24 * 60,
      },
      {
        rule: 'secret_age',
        subject: /^ALERT_SECRET [0-9a-f]{12}$/,
        withinMinutes: 2 * 24 * 60,
        resolvedWithinMinutes: 24 * 60,
      },
      {
        rule: 'secret_age',
        subject: /^ENDPOINT_SECRETS_KEY [0-9a-f]{12}$/,
        withinMinutes: 2 * 24 * 60,
        resolvedWithinMinutes: 24 * 60,
      },
    ],
    stepSeconds: 6 * 3600,
    prepare: async (bed) => {
      await bed.rotateSecrets();
      // The sweep that records the secrets' fingerprints for the first time.
      await bed.pass(60);
      await bed.pass(34 * DAY_SECONDS);
    },
    workUnbroken: (bed) => bed.rotateSecrets(),
    // The fault is that nobody rotates the secrets.
    break: (bed) => () => bed.rotateSecrets(),
  },
];
