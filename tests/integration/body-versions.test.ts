import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { EVENT_TYPES } from '../../src/contracts/constants.ts';
import { BODIES, FORMAT_VERSIONS, NEWEST_FORMAT_VERSION } from '../../src/contracts/format-versions.ts';
import { receivedEnvelope, receivedFlatBody } from '../../src/contracts/webhooks.ts';
import { readJson } from '../../src/server/http/read-json.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/**
 * The bytes of each event in each version. Receivers were built for these, so they never change. With `WRITE_BODIES=1` the
 * files that are missing are written, for a new version or type of event; no run overwrites one.
 */
const GOLDEN = join(projectRoot, 'tests/fixtures/bodies');
const writesMissing = process.env['WRITE_BODIES'] === '1';

const TYPES = [...EVENT_TYPES, 'report.owner.edited', 'report.deleted'] as const;
type Type = (typeof TYPES)[number];

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterAll(() => database.drop());

interface Content {
  research_report: string | null;
  /** As text: JavaScript would round its numbers. */
  research_metadata: string | null;
  final_data: string | null;
}
interface Case {
  event: { id: string } & Record<string, postgres.JSONValue>;
  /** Null: no row. */
  content: Content | null;
}

const CONTENT: Content = {
  research_report: '# 分析 🚀 "quotes" \\ back\n\tand\u2028tab\u0001',
  research_metadata: String.raw`{"__proto__": {"a": 1}, "id": 12345678901234567890, "price": 1.00, "tiny": 0.10000000000000000001, "c\"": [null, true]}`,
  final_data: '{"list": [1e2, -0]}',
};

/** One event of each type. */
function caseOf(type: Type): Case {
  const isDeletion = type === 'report.deleted';
  const isFailure = type.endsWith('.failed');
  const stage = isDeletion ? null : type.startsWith('report.prelim') ? 'prelim' : 'final';
  return {
    event: {
      id: `evt_${type.replaceAll('.', '-')}`,
      type,
      report_type: 'org',
      report_id: '00000000-0000-4000-8000-000000000001',
      stage,
      status: isFailure ? 'failed' : 'completed',
      job_id: isDeletion || type === 'report.owner.edited' ? null : 'job "1"',
      requested_at: '2026-01-02T03:04:05.678Z',
      created_at: '2026-01-02T03:05:00.1239Z',
      channel: isDeletion ? 'platform' : type === 'report.owner.edited' ? 'owner' : 'webhook',
      position: 3,
      error: isFailure ? 'the model\nwas "away"' : null,
      erased_at: isDeletion ? '2026-01-02T03:05:00Z' : null,
    },
    content: isDeletion
      ? null
      : {
          ...CONTENT,
          ...(isFailure && { research_report: null, research_metadata: null, final_data: null }),
        },
  };
}

const rollBack = new Error('rolled back');

/** Runs with events that the tables do not have, so that they may be of every shape; nothing of it stays. */
async function withEvents<T>(cases: Case[], ask: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
  let answer: { value: T } | undefined;
  await sql
    .begin(async (transaction) => {
      await transaction`set local session_replication_role = replica`;
      await transaction`create temp table events (like public.report_events) on commit drop`;
      await transaction`alter table events alter column stage drop not null`;
      for (const { event, content } of cases) {
        await transaction`
          insert into events select (jsonb_populate_record(null::public.report_events,
            ${transaction.json({ digest: '', bulk: false, ...event })})).*`;
        if (content === null) continue;
        await transaction`
          insert into private.report_contents (event_id, research_report, research_metadata, final_data)
          values (${event.id}, ${content.research_report}, ${content.research_metadata}::text::jsonb,
            ${content.final_data}::text::jsonb)`;
      }
      answer = { value: await ask(transaction) };
      throw rollBack;
    })
    .catch((error: unknown) => {
      if (error !== rollBack) throw error;
    });
  if (answer === undefined) throw new Error('the transaction did not answer');
  return answer.value;
}

interface Printed {
  type: string;
  version: number;
  body: string;
  bytes: string;
}

/** Of each event: its body in every version, full and thin. */
function printAll(cases: Case[]): Promise<Printed[]> {
  return withEvents(
    cases,
    (transaction) => transaction<Printed[]>`
      select event.type, version, body, private.body_of(event::text::public.report_events, version, body) as bytes
      from events event, generate_series(0, ${FORMAT_VERSIONS.length - 1}) version, unnest(${[...BODIES]}::text[]) body`,
  );
}

describe('the body of an event', () => {
  it('has the bytes of its golden file in every version, full and thin', async () => {
    const printed = await printAll(TYPES.map(caseOf));
    expect(printed).toHaveLength(TYPES.length * FORMAT_VERSIONS.length * BODIES.length);
    const files = new Set<string>();
    for (const { type, version, body, bytes } of printed) {
      const date = FORMAT_VERSIONS[version]?.date ?? '';
      const name = `${date}/${type}.${body}.body`;
      files.add(name);
      const file = join(GOLDEN, name);
      if (writesMissing && !existsSync(file)) {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, bytes);
      }
      expect(bytes, name).toBe(await readFile(file, 'utf8'));
    }
    const committed = await readdir(GOLDEN, { recursive: true });
    expect(committed.filter((name) => name.endsWith('.body')).sort()).toEqual([...files].sort());
  });

  it('is in version 1 and full that of envelope(), whatever the event has', async () => {
    const values: (string | null)[] = [null, CONTENT.research_report, ''];
    const objects = [null, 'null', '{}', CONTENT.research_metadata];
    const cases = values.flatMap((text, t) =>
      objects.flatMap((metadata, m) =>
        objects.map((data, d): Case => {
          const type = TYPES[(t + m + d) % 5] ?? 'report.owner.edited';
          const { event } = caseOf(type);
          return {
            event: { ...event, id: `evt_${t}${m}${d}`, error: values[(m + d) % 3] ?? null, job_id: text },
            content: { research_report: text, research_metadata: metadata, final_data: data },
          };
        }),
      ),
    );
    const rows = await withEvents(
      cases,
      (transaction) => transaction<{ envelope: string; body: string }[]>`
        select private.envelope(event::text::public.report_events) as envelope,
          private.body_of(event::text::public.report_events, 1, 'full') as body from events event`,
    );
    expect(rows).toHaveLength(48);
    for (const { envelope, body } of rows) expect(body).toBe(envelope);
  });

  it('is read by our own endpoints in every version, with the same digest', async () => {
    for (const type of EVENT_TYPES) {
      const endpoint = type.startsWith('report.prelim') ? 'prelim-report' : 'final-report';
      const digests = await withEvents(
        [caseOf(type)],
        (transaction) => transaction<{ version: number; bytes: string; digest: string }[]>`
          select version, bytes, private.content_digest(private.read_body(bytes, ${endpoint})) as digest
          from events event, generate_series(0, ${FORMAT_VERSIONS.length - 1}) version,
            private.body_of(event::text::public.report_events, version, 'full') bytes`,
      );
      expect(new Set(digests.map(({ digest }) => digest)).size).toBe(1);
      for (const { version, bytes } of digests) {
        const read = readJson(Buffer.from(bytes), { open: ['data'] });
        if (!read.ok) throw new Error('the body was not read');
        const schema = version === 0 ? receivedFlatBody : receivedEnvelope;
        expect(schema.safeParse(read.value).error).toBeUndefined();
      }
    }
  });

  it('has no content members when thin, and says where the content is', async () => {
    for (const { type, version, body, bytes } of await printAll(TYPES.map(caseOf))) {
      const parsed = JSON.parse(bytes) as Record<string, unknown>;
      const data = version === 0 ? parsed : (parsed['data'] as Record<string, unknown>);
      const content = Object.keys(data).filter((name) =>
        /^(research_report|research_metadata|final_data)$/.test(name),
      );
      const hasContent = body === 'full' && !type.endsWith('.failed') && type !== 'report.deleted';
      expect(content, `${type} ${version} ${body}`).toHaveLength(hasContent ? 3 : 0);
      const hasUrl = body === 'thin' && type !== 'report.deleted';
      expect(data['content_url']).toBe(
        hasUrl ? `/api/endpoints/events?event_id=evt_${type.replaceAll('.', '-')}` : undefined,
      );
    }
  });

  it.each(BODIES)(
    'is refused, %s too, when the content is missing and the report was not deleted',
    async (body) => {
      const { event } = caseOf('report.final.completed');
      await expect(
        withEvents(
          [{ event, content: null }],
          (transaction) =>
            transaction`select private.body_of(event::text::public.report_events, 2, ${body}) from events event`,
        ),
      ).rejects.toMatchObject({ code: 'PL008' });
    },
  );

  it.each([
    [-1, 'full'],
    [FORMAT_VERSIONS.length, 'full'],
    [null, 'full'],
    [2, 'short'],
    [2, null],
  ])('is refused for version %s and body %s, which nobody knows', async (version, body) => {
    await expect(
      withEvents(
        [caseOf('report.final.completed')],
        (transaction) => transaction`
          select private.body_of(event::text::public.report_events, ${version}::int, ${body}) from events event`,
      ),
    ).rejects.toMatchObject({ code: 'PL004' });
  });

  it('knows the newest version of the contract', () => {
    expect(FORMAT_VERSIONS.map(({ number }) => number)).toEqual([...FORMAT_VERSIONS.keys()]);
    expect(FORMAT_VERSIONS.at(-1)?.date).toBe(NEWEST_FORMAT_VERSION);
    expect(FORMAT_VERSIONS.map(({ date }) => date)).toEqual(FORMAT_VERSIONS.map(({ date }) => date).sort());
  });
});
