import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { catchUp } from '../../examples/receiver/catch-up.ts';
import { createReceiver } from '../../examples/receiver/receive.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { CODINGS, COMPRESSIONS, type Coding } from '../../src/contracts/compression.ts';
import { systemClock } from '../../src/server/clock.ts';
import { callSubscriber } from '../../src/server/deliver/subscribers/call-subscriber.ts';
import { checkEndpoint } from '../../src/server/deliver/subscribers/check-endpoint.ts';
import {
  mintReadToken,
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { createOutbound } from '../../src/server/deliver/subscribers/outbound.ts';
import { createEmptyDatabase, type EmptyDatabase } from '../support/throwaway-database.ts';

const ENDPOINT = 'ep-0123456789abcdef';
const REPORT = '00000000-0000-4000-8000-000000000001';
const folder = join(projectRoot, 'examples/receiver');
const endpointKeys = parseEndpointKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`);
const secret = mintSecret();
const { token } = mintReadToken();
const sender = {
  ...systemClock,
  outbound: createOutbound({ hosts: ['127.0.0.1'], ownAddresses: [] }),
  endpointKeys,
  timeoutMs: 5000,
};

let database: EmptyDatabase;
let sql: postgres.Sql;
const servers: Server[] = [];

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: it listens on a port, not on a pipe.
  return (server.address() as AddressInfo).port;
}

let port = 0;
beforeAll(async () => {
  database = await createEmptyDatabase();
  sql = postgres(database.url, { max: 20, onnotice: () => undefined });
  await sql.file(join(folder, 'schema.sql'));
});
beforeEach(async () => {
  port = await listen(createReceiver({ sql, secrets: [secret] }));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await sql`truncate polaris_events, polaris_reports`;
  await sql`update polaris_cursor set cursor = null where true`;
});
afterAll(async () => {
  await sql.end();
  await database[Symbol.asyncDispose]();
});

/** An event as Polaris makes it, in format version 2026-12-01. */
function event(
  id: string,
  position: number | null,
  data: Record<string, unknown> = {},
  type = 'report.final.completed',
) {
  const content = {
    report_id: REPORT,
    report_type: 'org',
    research_report: `text ${position}`,
    position,
    ...data,
  };
  const body = JSON.stringify({ type, timestamp: '2026-12-01T00:00:00.000Z', data: content });
  return { id, position, version: '2026-12-01', timestamp: '2026-12-01T00:00:00.000Z', body };
}
const deleted = (id: string) => event(id, null, { research_report: undefined }, 'report.deleted');

async function send(
  { id, body }: { id: string; body: string },
  secrets = [secret],
  to = port,
  compression: Coding | null = null,
) {
  const round = await callSubscriber(
    sender,
    { event_id: id, endpoint_id: ENDPOINT, job_id: null, trace_id: null, body },
    {
      url: `http://127.0.0.1:${to}/hook`,
      sealed_secrets: secrets.map((each) => sealSecret(endpointKeys, ENDPOINT, each)),
      position: null,
      plan: 0,
      redriven: false,
      format_version: 2,
      compression,
    },
  );
  const [attempt] = round.attempts;
  return `${attempt?.status} ${JSON.stringify(attempt?.response?.['body'])}`;
}
const said = (outcome: string) => `200 ${JSON.stringify(JSON.stringify({ outcome }))}`;
const HANDLED = said('handled');
const DUPLICATE = said('duplicate');

const handledIds = async () =>
  (await sql<{ id: string }[]>`select id from polaris_events order by id`).map(({ id }) => id);
const report = async () => {
  const [row] = await sql`select position, text, deleted from polaris_reports where report_id = ${REPORT}`;
  return row;
};

describe('the example receiver', () => {
  it.each(COMPRESSIONS)('passes the check of an endpoint, compression %s', async (compression) => {
    const probes = await checkEndpoint(sender, {
      endpoint_id: ENDPOINT,
      url: `http://127.0.0.1:${port}/hook`,
      sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, secret)],
      compression,
    });
    expect(probes.filter(({ ok }) => !ok)).toEqual([]);
    expect(probes).toHaveLength(compression === 'none' ? 8 : 9);
    expect(await handledIds()).toEqual([]);
  });

  it.each(CODINGS)('takes an event in %s', async (coding) => {
    const large = event('evt_1', 1, { research_report: 'ä'.repeat(100_000) });
    expect(await send(large, [secret], port, coding)).toBe(HANDLED);
    expect(await report()).toEqual({ position: 1, text: 'ä'.repeat(100_000), deleted: false });
  });

  it('refuses a body in another coding, a broken one and a bomb, each with 415', async () => {
    const post = async (coding: string, body: Uint8Array<ArrayBuffer>) => {
      const headers = { 'content-encoding': coding };
      return (await fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', headers, body })).status;
    };
    expect(await post('br', new Uint8Array(brotliCompressSync('{}')))).toBe(415);
    expect(await post('gzip', new Uint8Array(gzipSync('{}').subarray(0, 5)))).toBe(415);
    expect(await post('zstd', new Uint8Array(zstdCompressSync(Buffer.alloc(2 ** 22))))).toBe(415);
  });

  it('handles an event once, however often it comes, also at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(event('evt_1', 1))));
    expect(answers.sort()).toEqual([...Array.from({ length: 9 }, () => DUPLICATE), HANDLED]);
    expect(await send(event('evt_1', 1))).toBe(DUPLICATE);
    expect(await handledIds()).toEqual(['evt_1']);
    expect(await report()).toEqual({ position: 1, text: 'text 1', deleted: false });
  });

  it('keeps neither the id nor the work when the work fails, and does both when the event is retried', async () => {
    await sql`alter table polaris_reports add constraint broken check (text <> 'text 1')`;
    expect(await send(event('evt_1', 1))).toMatch(/^500 /);
    expect([await handledIds(), await report()]).toEqual([[], undefined]);
    await sql`alter table polaris_reports drop constraint broken`;
    expect(await send(event('evt_1', 1))).toBe(HANDLED);
    expect(await report()).toMatchObject({ text: 'text 1' });
  });

  it('ignores what is late, in any order', async () => {
    for (const position of [2, 3, 1]) expect(await send(event(`evt_${position}`, position))).toBe(HANDLED);
    expect(await report()).toEqual({ position: 3, text: 'text 3', deleted: false });
  });

  it('keeps its text when a job fails', async () => {
    await send(event('evt_1', 1));
    await send(event('evt_2', 2, { research_report: undefined }, 'report.final.failed'));
    expect(await report()).toMatchObject({ text: 'text 1' });
  });

  it('forgets a report that was deleted, and no late event brings it back', async () => {
    await send(event('evt_1', 1));
    expect(await send(deleted('evt_2'))).toBe(HANDLED);
    await send(event('evt_3', 2));
    expect(await report()).toMatchObject({ text: null, deleted: true });
  });

  it('believes either secret while one is replaced, and no other', async () => {
    const next = mintSecret();
    const both = await listen(createReceiver({ sql, secrets: [next, secret] }));
    expect(await send(event('evt_1', 1), [secret], both)).toBe(HANDLED);
    expect(await send(event('evt_2', 2), [next], both)).toBe(HANDLED);
    expect(await send(event('evt_3', 3), [next, secret])).toBe(HANDLED);
    expect(await send(event('evt_4', 4), [mintSecret()])).toMatch(/^401 /);
    expect(await handledIds()).toEqual(['evt_1', 'evt_2', 'evt_3']);
  });
});

/** The list of events, two a page. Answers 500 where it is told to. */
async function startList(events: { id: string; body: string | null }[]) {
  const state = { requests: [] as string[], failAfter: Infinity };
  const listPort = await listen((request, response) => {
    const url = new URL(request.url ?? '/', 'http://list');
    const from = Number(url.searchParams.get('after') ?? 0);
    state.requests.push(`${url.pathname}${url.search}`);
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
    } else if (state.requests.length > state.failAfter) {
      response.writeHead(500).end();
    } else {
      const page = events.slice(from, from + 2);
      const next = page.length === 0 ? null : String(from + page.length);
      response.end(JSON.stringify({ events: page, next, has_more: from + 2 < events.length }));
    }
  });
  return { state, list: { url: `http://127.0.0.1:${listPort}/api/endpoints/events`, readToken: token } };
}

describe('catching up', () => {
  const events = [1, 2, 3, 4, 5].map((position) => event(`evt_${position}`, position));
  const ids = events.map(({ id }) => id);

  it('handles what has not come by itself, and goes on from its cursor', async () => {
    await send(event('evt_2', 2));
    await send(event('evt_5', 5));
    const { state, list } = await startList(events);
    expect(await catchUp(sql, list)).toBe(3);
    expect(await handledIds()).toEqual(ids);
    expect(await report()).toEqual({ position: 5, text: 'text 5', deleted: false });
    expect(state.requests).toEqual([
      '/api/endpoints/events',
      '/api/endpoints/events?after=2',
      '/api/endpoints/events?after=4',
    ]);
    expect(await catchUp(sql, list)).toBe(0);
    expect(state.requests.slice(3)).toEqual(['/api/endpoints/events?after=5']);
  });

  it('passes over an event whose content was erased', async () => {
    const { list } = await startList([{ id: 'evt_1', body: null }, event('evt_2', 2)]);
    expect(await catchUp(sql, list)).toBe(1);
    expect(await handledIds()).toEqual(['evt_2']);
  });

  it('goes on where it was ended', async () => {
    const { state, list } = await startList(events);
    state.failAfter = 1;
    await expect(catchUp(sql, list)).rejects.toThrow('the list of events answered 500');
    expect(await handledIds()).toEqual(['evt_1', 'evt_2']);
    state.failAfter = Infinity;
    expect(await catchUp(sql, list)).toBe(3);
    expect(state.requests.slice(1)).toEqual([
      '/api/endpoints/events?after=2',
      '/api/endpoints/events?after=2',
      '/api/endpoints/events?after=4',
    ]);
  });

  it('does not move its cursor past what it could not handle', async () => {
    await sql`alter table polaris_reports add constraint broken check (text <> 'text 2')`;
    const { list, state } = await startList(events);
    await expect(catchUp(sql, list)).rejects.toThrow('broken');
    expect(await handledIds()).toEqual(['evt_1']);
    await sql`alter table polaris_reports drop constraint broken`;
    expect(await catchUp(sql, list)).toBe(4);
    expect(state.requests.slice(0, 2)).toEqual(['/api/endpoints/events', '/api/endpoints/events']);
  });

  it('handles each event once while several do so, and events come by themselves', async () => {
    const { list } = await startList(events);
    const [first, second, ...sent] = await Promise.all([
      catchUp(sql, list),
      catchUp(sql, list),
      ...events.map((each) => send(each)),
    ]);
    const fresh = first + second + sent.filter((answer) => answer === HANDLED).length;
    expect(fresh).toBe(5);
    expect(await report()).toEqual({ position: 5, text: 'text 5', deleted: false });
  });

  it('without the right token handles nothing', async () => {
    const { list } = await startList(events);
    await expect(catchUp(sql, { ...list, readToken: 'pet_x' })).rejects.toThrow('answered 401');
    expect(await handledIds()).toEqual([]);
  });
});

it('needs the versions of its packages that are tested here', () => {
  const packages = (path: string) =>
    z
      .object({
        dependencies: z.record(z.string(), z.string()),
        devDependencies: z.record(z.string(), z.string()).default({}),
      })
      .parse(JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')));
  const { dependencies } = packages(folder);
  expect(packages(projectRoot).devDependencies).toMatchObject(dependencies);
});

it('runs as its README says', async () => {
  const { list } = await startList([event('evt_1', 1)]);
  const unused = createServer().listen(0, '127.0.0.1');
  await once(unused, 'listening');
  // Safe: it listens on a port, not on a pipe.
  const { port: freePort } = unused.address() as AddressInfo;
  await new Promise((resolve) => unused.close(resolve));
  const child = spawn(process.execPath, ['main.ts'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      PORT: String(freePort),
      DATABASE_URL: database.url,
      POLARIS_SECRETS: secret,
      POLARIS_READ_TOKEN: token,
      POLARIS_EVENTS_URL: list.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    let output = '';
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      output += chunk.toString();
      if (output.includes('caught up')) break;
    }
    expect(output).toBe('ready\ncaught up: 1 events\n');
    expect(await send(event('evt_1', 1), [secret], freePort)).toBe(DUPLICATE);
    expect(await send(event('evt_2', 2), [secret], freePort)).toBe(HANDLED);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
});
