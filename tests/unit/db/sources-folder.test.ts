import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { roomLine } from '../../../tools/db/generated-part.ts';
import { readSources } from '../../../tools/db/read-sources.ts';
import { rewriteMigrations } from '../../../tools/db/rewrite-migrations.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polaris-sources-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function add(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const view = (name: string, from: string) => `create or replace view ${name} as select * from ${from};`;
const fn = (name: string, head = '()', body = `select 1`) =>
  `create or replace function ${name}${head} returns int language sql as $$ ${body} $$;`;

describe('the order in which sources are applied', () => {
  it('is functions, views, tables, each by room; what a view needs comes before it', async () => {
    await add('events/things.sql', `comment on table public.things is 'x';`);
    await add('reports/a_view.sql', view('private.a_view', 'private.z_view'));
    await add('reports/z_view.sql', view('private.z_view', 'public.things'));
    await add('events/f.sql', fn('private.f'));
    await add('reports/g.sql', fn('private.g'));
    const { sources, findings } = await readSources(folder);
    expect(findings).toEqual([]);
    expect(sources.map(({ object }) => object)).toEqual([
      'private.g',
      'private.f',
      'private.z_view',
      'private.a_view',
      'public.things',
    ]);
  });

  it("puts a view before the function that takes its rows, and a function before another's default", async () => {
    await add('reports/takes_rows.sql', fn('private.takes_rows', '(p private.rows)'));
    await add('reports/rows.sql', view('private.rows', 'private.made()'));
    await add('events/made.sql', fn('private.made'));
    await add('reports/has_default.sql', fn('private.has_default', '(p int default private.used())'));
    await add('reports/used.sql', fn('private.used'));
    const { sources } = await readSources(folder);
    const order = sources.map(({ object }) => object);
    expect(order.indexOf('private.made')).toBeLessThan(order.indexOf('private.rows'));
    expect(order.indexOf('private.rows')).toBeLessThan(order.indexOf('private.takes_rows'));
    expect(order.indexOf('private.used')).toBeLessThan(order.indexOf('private.has_default'));
  });
});

describe('files that are refused', () => {
  it.each([
    ['an unknown room', 'stuff/f.sql'],
    ['no room', 'f.sql'],
    ['another kind of file', 'events/notes.md'],
    ['a folder in a room', 'events/more/f.sql'],
  ])('%s', async (_name, path) => {
    await add(path, fn('private.f'));
    const { sources, findings } = await readSources(folder);
    expect(sources).toEqual([]);
    expect(findings).toEqual([expect.objectContaining({ rule: 'file', where: `supabase/sql/${path}` })]);
  });

  it('an object with two files', async () => {
    await add('events/f.sql', fn('private.f'));
    await add('reports/f.sql', fn('private.f', '(p int)'));
    const { findings } = await readSources(folder);
    expect(findings).toEqual([
      expect.objectContaining({
        rule: 'file',
        message: expect.stringContaining('private.f has a file already') as unknown,
      }),
    ]);
  });
});

describe('rewriting migrations that are not released', () => {
  const head = '-- Why: events.\ncreate table public.things (id int);\n';
  const migrations = () => join(folder, 'migrations');
  const sql = () => join(folder, 'sql');
  const text = () => readFile(join(migrations(), '20261201000000_events.sql'), 'utf8');

  beforeEach(async () => {
    await add('sql/events/f.sql', fn('private.f'));
    await add('sql/events/g.sql', fn('private.g'));
    await add('migrations/20261201000000_events.sql', `${head}${roomLine('events')}\nwhat was there\n`);
  });

  const rewrite = async (released: string[] = []) =>
    rewriteMigrations(migrations(), (await readSources(sql())).sources, new Set(released));

  it('keeps what was written by hand, writes each source whole below, and is done after once', async () => {
    expect(await rewrite()).toEqual(['20261201000000_events.sql']);
    expect(await text()).toBe(
      `${head}${roomLine('events')}\n\nset check_function_bodies = off;\n\n` +
        `-- supabase/sql/events/f.sql\n${fn('private.f')}\n\n-- supabase/sql/events/g.sql\n${fn('private.g')}\n`,
    );
    expect(await rewrite()).toEqual([]);
  });

  it('refuses where the migration of the room is released', async () => {
    await expect(rewrite(['20261201000000_events.sql'])).rejects.toThrow('is released');
    expect(await text()).toContain('what was there');
  });

  it('refuses while a room has no migration, and changes none then', async () => {
    await add('sql/jobs/h.sql', fn('private.h'));
    await expect(rewrite()).rejects.toThrow(`No migration has the line "${roomLine('jobs')}"`);
    expect(await text()).toContain('what was there');
  });

  it('refuses two migrations of one room', async () => {
    await add('migrations/20261202000000_more.sql', `-- Why: x.\n${roomLine('events')}\n`);
    await expect(rewrite()).rejects.toThrow('both generated from the room events');
  });

  it('refuses a migration of a room that has no source', async () => {
    await add('migrations/20261202000000_jobs.sql', `-- Why: x.\n${roomLine('jobs')}\n`);
    await expect(rewrite()).rejects.toThrow('which has no source');
  });
});
