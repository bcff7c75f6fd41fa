import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../tools/local/migrate.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { supabase } from '../../tools/local/supabase-cli.ts';
import { createNewProject, type TestDatabase } from '../support/database.ts';
import {
  readPlatformCatalogue,
  recordedCatalogue,
  type PlatformCatalogue,
} from '../support/platform-catalogue.ts';
import { buildPlatform, platformProject, PLATFORM_STATES } from '../support/platform.ts';
import {
  describeChanges,
  newObjects,
  readWholeCatalogue,
  type WholeCatalogue,
} from '../support/whole-catalogue.ts';

type Privileges = 'open' | 'closed';
const PRIVILEGES: readonly Privileges[] = ['open', 'closed'];

/** Fixtures and migrations are pushed by the CLI, which takes seconds each time. */
const PUSHES_MS = 120_000;

const SHARED_SUMMARY = '00000000-0000-4000-8000-0000000000aa';

const OWN_MIGRATIONS = (await readdir(join(projectRoot, 'supabase/migrations')))
  .map((name) => name.slice(0, name.indexOf('_')))
  .filter((version) => !version.startsWith('2024'))
  .sort();

/** What one report table of the platform gets. */
function reportTable(name: string): string[] {
  return [
    // The contract's columns.
    `+ column public.${name}.stage`,
    `+ column public.${name}.winner_event_id`,
    `+ constraint report_stage_is_known on public.${name}`,
    `+ constraint ${name}_winner_event_id_fkey on public.${name}`,
    // The console lists reports by owner and by time.
    `+ index public.${name}_created_at on public.${name}`,
    `+ index public.${name}_owner on public.${name}`,
    // Operators find a report by words of its name.
    `+ index public.${name}_words on public.${name}`,
    `+ policy "operators read" on public.${name}`,
    // What owners write becomes an event; what they may not write keeps its value.
    `+ trigger guard_insert on public.${name}`,
    // Their account is locked first.
    `+ trigger lock_owner on public.${name}`,
    `+ trigger record_owner_insert on public.${name}`,
    `+ trigger record_platform_insert on public.${name}`,
    `+ trigger record_owner_write on public.${name}`,
    `+ trigger record_platform_write on public.${name}`,
    `+ trigger check_winner on public.${name}`,
    // Content that lost is forgotten later.
    `+ trigger lose_content on public.${name}`,
    `+ trigger zz_keep_updated_at on public.${name}`,
    `+ trigger close_report on public.${name}`,
  ];
}

/** A function of the platform that ours replaces and closes. service_role may execute it before and after. */
function replacedFunction(signature: string, privileges: Privileges): string[] {
  const before =
    privileges === 'open'
      ? 'anon execute, authenticated execute, postgres execute, public execute, service_role execute'
      : 'postgres execute, public execute';
  return [
    `~ function public.${signature}: comment`,
    `~ function public.${signature}: definition`,
    `~ function public.${signature}: rights ${before} -> postgres execute, service_role execute`,
  ];
}

/** What our migrations change for the database as a whole. */
const DATABASE = [
  '+ schema private',
  '+ publication supabase_realtime of public.report_notifications',
  '+ publication supabase_realtime of public.webhook_circuits',
  '+ publication supabase_realtime of public.webhook_deliveries',
  // Tells the sweep which accounts were deleted.
  '+ trigger polaris_note_account_deletion on auth.users',
];

/** Deleting an account takes its locks in our order. */
const ACCOUNT_TRIGGER = '+ trigger polaris_lock_account on auth.users';

/** Every single difference that our migrations may make to what was there. Anything else fails the test. */
function allowed(privileges: Privileges): string[] {
  return [
    ...DATABASE,
    ...reportTable('greeting_reports'),
    ...reportTable('org_reports'),
    ...reportTable('requirement_reports'),
    '+ policy "operators read" on public.polaris_summaries',
    '+ policy "operators read" on public.report_jobs',
    '+ trigger adopt_job on public.report_jobs',
    '+ trigger guard_job on public.report_jobs',
    '+ trigger lock_owner on public.report_jobs',
    '+ trigger lock_owner on public.polaris_summaries',
    ACCOUNT_TRIGGER,
    // The audit takes our rows too: they name an endpoint where the platform's have a type, and need no job. Retention deletes
    // as many rows as are added, which asks for more frequent autovacuum.
    '~ options of public.webhook_audit: definition none -> {autovacuum_vacuum_scale_factor=0.02}',
    '~ column public.webhook_audit.webhook_type: definition text not null -> text',
    '~ column public.webhook_audit.job_id: definition text not null -> text',
    '+ column public.webhook_audit.actor',
    '+ column public.webhook_audit.body_bytes',
    '+ column public.webhook_audit.body_sha256',
    '+ column public.webhook_audit.delivery_id',
    '+ column public.webhook_audit.direction',
    '+ column public.webhook_audit.duration_ms',
    '+ column public.webhook_audit.endpoint_id',
    '+ column public.webhook_audit.event_id',
    '+ column public.webhook_audit.outcome',
    '+ column public.webhook_audit.round',
    '+ column public.webhook_audit.span_id',
    '+ column public.webhook_audit.trace_id',
    '+ constraint audit_direction_is_known on public.webhook_audit',
    '+ index public.webhook_audit_actor on public.webhook_audit',
    '+ index public.webhook_audit_attempts on public.webhook_audit',
    '+ index public.webhook_audit_created_at on public.webhook_audit',
    '+ index public.webhook_audit_event on public.webhook_audit',
    '+ index public.webhook_audit_job on public.webhook_audit',
    '+ index public.webhook_audit_outcome on public.webhook_audit',
    '+ index public.webhook_audit_report on public.webhook_audit',
    '+ index public.webhook_audit_response_status on public.webhook_audit',
    '+ index public.webhook_audit_round on public.webhook_audit',
    '+ policy "operators read" on public.webhook_audit',
    '+ trigger keep_audit on public.webhook_audit',
    '+ trigger keep_audit_whole on public.webhook_audit',
    '+ trigger strip_audit on public.webhook_audit',
    ...replacedFunction('update_webhook_status(text,uuid,text,jsonb,boolean)', privileges),
    ...replacedFunction('get_failed_webhooks(integer,integer)', privileges),
  ].sort();
}

/** Every row of the tables in which our migrations have nothing to do. */
async function rowsOfOthers(sql: postgres.Sql): Promise<Record<string, unknown[]>> {
  const names = await sql<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and (relname in ('profiles', 'ai_edit_sessions', 'polaris_summaries') or relname ~ '^(polaris|starmap)_job')
    order by 1`;
  const rows: Record<string, unknown[]> = {};
  for (const { name } of names)
    rows[name] = [...(await sql`select * from ${sql(`public.${name}`)} order by id`)];
  return rows;
}

async function versionsOf(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations order by version`;
  return rows.map(({ version }) => version);
}

/** Runs as somebody does behind the REST API. */
async function as<T>(
  sql: postgres.Sql,
  claims: { role: 'anon' | 'authenticated'; sub?: string },
  work: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const { value } = await sql.begin(async (transaction) => {
    await transaction`
      select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true), set_config('role', ${claims.role}, true)`;
    return { value: await work(transaction) };
  });
  return value;
}

describe.each(PRIVILEGES)('with %s default privileges', (defaultPrivileges) => {
  describe.each(PLATFORM_STATES)('a database of the platform, %s,', (state) => {
    let database: TestDatabase;
    let built: PlatformCatalogue;
    let rows: Awaited<ReturnType<typeof rowsOfOthers>>;
    let before: WholeCatalogue;
    let after: WholeCatalogue;

    beforeAll(async () => {
      database = await createNewProject({ defaultPrivileges, alone: false });
      await buildPlatform(database.url, database.sql, state);
      built = await readPlatformCatalogue(database.sql);
      rows = await rowsOfOthers(database.sql);
      before = await readWholeCatalogue(database.sql);
      await migrate(database.url);
      after = await readWholeCatalogue(database.sql);
    }, PUSHES_MS);
    afterAll(() => database.drop());

    it('was built as the real platform is', async () => {
      expect(built).toEqual(await recordedCatalogue(state));
    });

    it('changes only in what the contract adds', () => {
      expect(describeChanges(before, after)).toEqual(allowed(defaultPrivileges));
    });

    it('gets our objects in public and private, as postgres has made them', () => {
      const added = newObjects(before, after);
      expect(added).toContain('public.report_events');
      expect(added.filter((name) => !/^(public|private)\./.test(name))).toEqual([]);
      const owners = new Set(
        [...after].flatMap(([key, { object, owner }]) =>
          object !== null && !before.has(key) && owner !== null ? [owner] : [],
        ),
      );
      expect([...owners]).toEqual(['postgres']);
    });

    it('keeps every row of the tables that are none of ours', async () => {
      expect(rows['profiles']).toHaveLength(2);
      expect(await rowsOfOthers(database.sql)).toEqual(rows);
    });

    it('breaks no invariant', async () => {
      expect([...(await database.sql`select * from public.verify_reports()`)]).toEqual([]);
    });

    it('has all numbers of the platform in its history but 15, which the platform may repair', async () => {
      const platform = Array.from({ length: 15 }, (_, number) => String(20240101000000 + number));
      expect(await versionsOf(database.sql)).toEqual([...platform, ...OWN_MIGRATIONS]);
    });

    it('takes the same push again, which does nothing', async () => {
      await migrate(database.url);
      expect(describeChanges(after, await readWholeCatalogue(database.sql))).toEqual([]);
    });
  });

  describe('a project that lives without the platform', () => {
    let database: TestDatabase;
    let before: WholeCatalogue;
    let after: WholeCatalogue;

    beforeAll(async () => {
      database = await createNewProject({ defaultPrivileges, alone: true });
      before = await readWholeCatalogue(database.sql);
      await migrate(database.url);
      after = await readWholeCatalogue(database.sql);
    }, PUSHES_MS);
    afterAll(() => database.drop());

    it('changes in nothing that Supabase has made', () => {
      expect(describeChanges(before, after)).toEqual([...DATABASE, ACCOUNT_TRIGGER].sort());
    });

    it('gets the tables of the platform that we need, where owners reach their own rows', async () => {
      const [own, others] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
      await database.sql`
        insert into auth.users (id, email) values (${own}, 'a@example.com'), (${others}, 'b@example.com')`;
      const owner = { role: 'authenticated', sub: own } as const;
      await as(database.sql, owner, async (sql) => {
        await sql`insert into public.polaris_summaries (id, user_id, summary_content)
          values (${SHARED_SUMMARY}, ${own}, 'needs')`;
        await sql`insert into public.org_reports (user_id, summary_id) values (${own}, ${SHARED_SUMMARY})`;
      });
      const seenBy = (who: Parameters<typeof as>[1]) =>
        as(database.sql, who, async (sql) => {
          const [row] = await sql`
            select (select count(*)::int from public.polaris_summaries) as summaries,
              (select count(*)::int from public.org_reports) as reports`;
          return row;
        });
      expect(await seenBy(owner)).toEqual({ summaries: 1, reports: 1 });
      expect(await seenBy({ role: 'authenticated', sub: others })).toEqual({ summaries: 0, reports: 0 });
      await as(
        database.sql,
        owner,
        (sql) => sql`
          update public.polaris_summaries set is_public = true where id = ${SHARED_SUMMARY}`,
      );
      expect(await seenBy({ role: 'anon' })).toEqual({ summaries: 1, reports: 0 });
    });
  });
});

describe('a project that lives without the platform', () => {
  let alone: TestDatabase;
  let platform: TestDatabase;
  beforeAll(async () => {
    alone = await createNewProject({ alone: true });
    platform = await createNewProject({ alone: false });
    await buildPlatform(platform.url, platform.sql, 'history to 14');
    await migrate(alone.url);
    await migrate(platform.url);
  }, PUSHES_MS);
  afterAll(async () => {
    await alone.drop();
    await platform.drop();
  });

  it('has what the platform has, but for tables and functions that we do not need', async () => {
    const own = await readWholeCatalogue(alone.sql);
    const whole = await readWholeCatalogue(platform.sql);
    const notNeeded = newObjects(own, whole);
    expect(notNeeded).toEqual([
      'public.ai_edit_sessions',
      'public.enforce_edit_limit()',
      'public.handle_new_user()',
      'public.polaris_job_activity',
      'public.polaris_job_edits',
      'public.polaris_job_reports',
      'public.polaris_job_stage',
      'public.polaris_job_status',
      'public.polaris_jobs',
      'public.profiles',
      'public.starmap_job_activity',
      'public.starmap_job_status',
      'public.starmap_jobs',
      'public.toggle_report_public_status(uuid)',
      'public.update_polaris_jobs_updated_at()',
      'public.update_report_versions()',
      'public.update_starmap_jobs_updated_at()',
    ]);
    const needed = new Map(
      [...whole].filter(([, { object }]) => object === null || !notNeeded.includes(object)),
    );
    expect(newObjects(needed, own)).toEqual([]);
    expect(describeChanges(needed, own)).toEqual(
      [
        '+ settings of everybody in the database',
        // The platform creates a profile for each account.
        '- trigger on_auth_user_created on auth.users',
        // Bodies of our own, which do the same, with a pinned search path.
        '~ function public.cleanup_expired_report_jobs(): definition',
        '~ function public.update_last_edited_at(): definition',
        '~ function public.update_report_jobs_updated_at(): definition',
        '~ function public.update_updated_at_column(): definition',
      ].sort(),
    );
  });
});

describe('a database of the platform that says that it lives alone', () => {
  it(
    'changes in nothing else',
    async () => {
      await using database = await createNewProject({ alone: true });
      await buildPlatform(database.url, database.sql, 'no history');
      const before = await readWholeCatalogue(database.sql);
      await migrate(database.url);
      expect(describeChanges(before, await readWholeCatalogue(database.sql))).toEqual(allowed('open'));
    },
    PUSHES_MS,
  );
});

describe('a project that has no tables of the platform and does not say that it lives without them', () => {
  const WORDS = /lacks tables of the platform.*Push the migrations of the platform first/s;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createNewProject({ alone: false });
  });
  afterAll(() => database.drop());

  it('refuses each migration that has a number of the platform, before the number is recorded', async () => {
    const folder = join(projectRoot, 'supabase/migrations');
    const names = (await readdir(folder)).filter((name) => /^202401010000(0\d|10)_/.test(name)).sort();
    expect(names).toHaveLength(11);
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8');
      await expect(database.sql.unsafe(text), name).rejects.toMatchObject({
        code: '42P01',
        message: expect.stringMatching(WORDS) as string,
      });
    }
  });

  it(
    'stops our push with words, stays as it is, and takes the platform’s push and then ours',
    async () => {
      const before = await readWholeCatalogue(database.sql);
      await expect(migrate(database.url)).rejects.toThrow(WORDS);
      expect(describeChanges(before, await readWholeCatalogue(database.sql))).toEqual([]);
      expect(newObjects(before, await readWholeCatalogue(database.sql))).toEqual([]);
      expect(await versionsOf(database.sql)).toEqual([]);

      await buildPlatform(database.url, database.sql, 'history to 14');
      expect(await readPlatformCatalogue(database.sql)).toEqual(await recordedCatalogue('history to 14'));
      await migrate(database.url);
    },
    PUSHES_MS,
  );

  it(
    'stops our push where only the platform’s first migrations were applied',
    async () => {
      await using project = await platformProject('20240101000009');
      await using early = await createNewProject({ alone: false });
      await migrate(early.url, project.folder);
      const before = await readWholeCatalogue(early.sql);
      await expect(migrate(early.url)).rejects.toThrow(WORDS);
      expect(describeChanges(before, await readWholeCatalogue(early.sql))).toEqual([]);
      expect((await versionsOf(early.sql)).at(-1)).toBe('20240101000009');
    },
    PUSHES_MS,
  );

  it(
    'takes our push once it has the schema polaris_alone, which its owner may create; a parameter is refused to the owner',
    async () => {
      await using project = await createNewProject({ alone: false });
      const { database } = project.sql.options;
      for (const setting of [`alter database ${database}`, 'alter role postgres']) {
        await expect(project.sql.unsafe(`${setting} set polaris.alone = 'on'`)).rejects.toMatchObject({
          code: '42501',
        });
      }
      await project.sql`create schema polaris_alone`;
      const before = await readWholeCatalogue(project.sql);
      await migrate(project.url);
      expect(newObjects(before, await readWholeCatalogue(project.sql))).toEqual(
        expect.arrayContaining(['public.polaris_summaries', 'public.report_jobs', 'public.org_reports']),
      );
      expect(await versionsOf(project.sql)).toEqual(expect.arrayContaining(OWN_MIGRATIONS));
    },
    PUSHES_MS,
  );
});

describe('a database that two repositories push to', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createNewProject({ alone: false });
    await buildPlatform(database.url, database.sql, 'history to 11');
    await migrate(database.url);
  }, PUSHES_MS);
  afterAll(() => database.drop());

  it(
    'takes later migrations of the platform by the steps of docs/upgrading.md',
    async () => {
      const remote = `--remote=${database.url}`;
      await using platform = await platformProject();
      await expect(migrate(database.url, platform.folder)).rejects.toThrow(/not found|missing|lacks/i);

      // Our placeholders have taken the numbers 12 to 14, which the platform has not pushed yet.
      const placeholders = ['20240101000012', '20240101000013', '20240101000014'];
      await supabase(
        ['migration', 'repair', remote, '--status', 'reverted', '--yes', ...OWN_MIGRATIONS, ...placeholders],
        platform.folder,
      );
      await migrate(database.url, platform.folder);
      const { tables } = await readPlatformCatalogue(database.sql);
      expect(Object.keys(tables)).toEqual(expect.arrayContaining(['polaris_jobs', 'starmap_jobs']));
      // Forgotten, the last step costs nothing: our push stops at its first statement.
      const before = await readWholeCatalogue(database.sql);
      await expect(migrate(database.url)).rejects.toThrow(/schema "private" already exists/);
      expect(describeChanges(before, await readWholeCatalogue(database.sql))).toEqual([]);

      await supabase(
        ['migration', 'repair', remote, '--status', 'applied', '--yes', ...OWN_MIGRATIONS],
        projectRoot,
      );
      await migrate(database.url);
      expect(describeChanges(before, await readWholeCatalogue(database.sql))).toEqual([]);
      expect(await versionsOf(database.sql)).toEqual(expect.arrayContaining(OWN_MIGRATIONS));
    },
    PUSHES_MS,
  );
});
