import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureAccount, type Account } from '../../tools/local/accounts.ts';
import { migrate } from '../../tools/local/migrate.ts';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';
import { createNewProject, type TestDatabase } from '../support/database.ts';
import { startLoops, type Loops, type Work } from '../support/loops.ts';
import { accountFor } from '../support/platform-accounts.ts';
import {
  LINKS,
  newLedger,
  ownerCalls,
  platformFunctions,
  RUN_KINDS,
  type Ledger,
  type Report,
  type Run,
} from '../support/platform-functions.ts';
import { buildPlatform, type PlatformState } from '../support/platform.ts';
import { pushHeldOpen, type Migration } from '../support/pushed-migrations.ts';
import { startTestSupabase, type TestSupabase } from '../support/supabase.ts';

const TEST_MS = 240_000;
/** Small, so that there are many. */
const BATCH = 20;
const RUNNERS = 3;
/** What nobody may wait for a lock beyond the time that its holder is held open: the platform's calls end after 8 s. */
const LONGEST_WAIT_MS = 5_000;

let database: TestDatabase;
let supabase: TestSupabase;
let owner: Account;
let ledger: Ledger;
let pages: ReturnType<typeof ownerCalls>;
/** Some loops go on with a REST layer that has read the schema again. */
let reloaded: TestSupabase | undefined;

async function startPlatform(state: PlatformState): Promise<void> {
  database = await createNewProject({ alone: false });
  await buildPlatform(database.url, database.sql, state);
  supabase = await startTestSupabase(database.url);
  const credentials = { email: 'owner@example.com', password: 'correct horse' };
  owner = await ensureAccount(supabase, credentials, database.sql);
  pages = ownerCalls(supabase, owner, ledger);
}

beforeEach(() => {
  ledger = newLedger();
  reloaded = undefined;
});
afterEach(async () => {
  await reloaded?.stop();
  await supabase.stop();
  await database.drop();
});

function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

async function addReports(summaryId: string | null = null): Promise<Report[]> {
  const reports: Report[] = [];
  for (const type of REPORT_TYPES) reports.push(await pages.addReport(type, summaryId));
  return reports;
}

/** Runners with reports of their own and some that all write, and a page. */
async function startWork(): Promise<Loops> {
  const summaryId = await pages.addSummary();
  const shared = await addReports(summaryId);
  const works: Work[] = [];
  for (let runner = 0; runner < RUNNERS; runner++) {
    const own = await addReports();
    const ownSummary = await pages.addSummary();
    works.push(async function* (round) {
      const access = runner === 0 ? supabase : (reloaded ?? supabase);
      const functions = platformFunctions(access, ledger);
      yield* functions.run({
        report: at(own, round + runner),
        kind: at(RUN_KINDS, round),
        link: at(LINKS, round),
        summaryId: ownSummary,
      });
      yield* functions.run({
        report: at(shared, round),
        kind: at(['webhook', 'fallback'] as const, runner),
        link: at(LINKS, runner),
        summaryId: null,
      });
      yield* functions.retry(own);
    });
  }
  const edited = await pages.addReport('org', null);
  const visited = await pages.addSummary();
  works.push(() => pages.visit([edited, at(shared, 0)], visited));
  return startLoops(database.sql, works);
}

/** From such a migration on, the texts of a report table are events. */
const recordsTexts = ({ statements }: Migration) =>
  statements.some((statement) => statement.startsWith('select private.add_report_type('));

/** Reports that are not imported. @throws where one cannot be */
async function left(): Promise<number> {
  const rows = await database.sql<{ error: string | null }[]>`select error from private.reports_to_import`;
  expect(rows.filter(({ error }) => error !== null)).toEqual([]);
  return rows.length;
}

describe('the functions of the platform', () => {
  it(
    'are answered, and lose nothing, at every moment of a push and of an import',
    async () => {
      await startPlatform('history to 14');
      const loops = await startWork();
      await loops.workOnce();
      const held: { fromMs: number; toMs: number }[] = [];
      async function hold(): Promise<void> {
        const fromMs = Date.now();
        await loops.moveOrWait();
        held.push({ fromMs, toMs: Date.now() });
      }
      const pushed = await pushHeldOpen(database.url, hold);
      reloaded = await startTestSupabase(database.url);
      let batches = 0;
      while ((await left()) > 0) {
        batches++;
        await database.sql.begin(async (transaction) => {
          await transaction`select public.import_reports(${BATCH})`;
          await hold();
        });
      }
      expect(batches).toBeGreaterThan(2);
      await loops.workOnce();
      await loops.end();

      const texts = pushed.filter(recordsTexts);
      const push = {
        fromMs: Math.min(...texts.map(({ fromMs }) => fromMs)),
        toMs: Math.max(...texts.map(({ toMs }) => toMs)),
      };
      await accountFor(database.sql, ledger, push);
      // Beyond the time that the test held the others' transactions open, nobody waited long.
      const waits = ledger.calls.map(({ what, fromMs, toMs }) => {
        const overlaps = held.map((other) => Math.min(other.toMs, toMs) - Math.max(other.fromMs, fromMs));
        const heldMs = overlaps.reduce((sum, ms) => sum + Math.max(0, ms), 0);
        return { what, ms: toMs - fromMs - heldMs };
      });
      expect(waits.filter(({ ms }) => ms > LONGEST_WAIT_MS)).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'may be between any two calls of a run when their database is pushed to and imported',
    async () => {
      await startPlatform('history to 11');
      const functions = platformFunctions(supabase, ledger);
      const cut: { report: Report; rest: AsyncGenerator<void, void>; import: CutRun['import'] }[] = [];
      await inParallel([...runsToCut()], async (run) => {
        const report = await pages.addReport(at(REPORT_TYPES, run.calls), null);
        if (run.before === 'an edit') await pages.editReport(report);
        else await finish(functions.run({ report, kind: 'webhook', link: 'metadata', summaryId: null }));
        const rest = functions.run({ report, kind: run.kind, link: run.link, summaryId: null });
        for (let call = 0; call < run.calls; call++) await rest.next();
        cut.push({ report, rest, import: run.import });
      });
      const loops = await startWork();
      await loops.workOnce();
      const fromMs = Date.now();
      await migrate(database.url);
      const toMs = Date.now();
      // A batch leaves out what somebody holds.
      await database.sql.begin(async (transaction) => {
        let held = 0;
        for (const type of REPORT_TYPES) {
          const ids = cut
            .filter((run) => run.import === 'by its next write' && run.report.type === type)
            .map(({ report }) => report.id);
          const rows = await transaction`
            select from ${transaction(`public.${type}_reports`)} where id in ${transaction(ids)} for update`;
          held += rows.length;
        }
        while ((await left()) > held) await database.sql`select public.import_reports(${BATCH})`;
      });
      await inParallel(cut, ({ rest }) => finish(rest));
      await loops.workOnce();
      await loops.end();
      while ((await left()) > 0) await database.sql`select public.import_reports(${BATCH})`;
      await accountFor(database.sql, ledger, { fromMs, toMs });
    },
    TEST_MS,
  );
});

async function finish(rest: AsyncGenerator<void, void>): Promise<void> {
  let step;
  do step = await rest.next();
  while (step.done !== true);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  await Promise.all(
    Array.from({ length: RUNNERS }, async () => {
      for (const item of waiting) await work(item);
    }),
  );
}

interface CutRun extends Pick<Run, 'kind' | 'link'> {
  /** How many are made before the push; the others are made after the import. */
  calls: number;
  /** What wrote the text that the report has then. */
  before: 'a run' | 'an edit';
  import: 'in a batch' | 'by its next write';
}

/** After the insert, when it runs, when the report shows that, when the job has ended, when the report shows that, the audit. */
const CUTS = [1, 2, 3, 6, 7, 8];

function runsToCut(): CutRun[] {
  const forms = [
    ...LINKS.flatMap((link) => [
      { kind: 'webhook', link, before: 'a run' } as const,
      { kind: 'webhook', link, before: 'an edit' } as const,
    ]),
    { kind: 'fallback', link: 'none', before: 'a run' } as const,
    { kind: 'failure', link: 'metadata', before: 'a run' } as const,
  ];
  return forms.flatMap((form) =>
    CUTS.flatMap((calls) => [
      { ...form, calls, import: 'in a batch' } as const,
      { ...form, calls, import: 'by its next write' } as const,
    ]),
  );
}
