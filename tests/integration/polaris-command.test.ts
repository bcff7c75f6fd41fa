import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { polarisCommand, type Polaris } from '../support/polaris-command.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let directory: string;
let polaris: Polaris;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'polaris-command-'));
  system = await startTestSystem({ functions: [] });
  polaris = polarisCommand(system, directory);
});
afterAll(async () => {
  await system.stop();
  await rm(directory, { recursive: true });
});

const sessionPath = () => join(directory, 'session.json');
const stored = z.looseObject({ items: z.record(z.string(), z.string()) });

describe('npm run polaris', () => {
  it.each<[string[], string]>([
    [[], 'Usage: npm run polaris -- COMMAND'],
    [['constructor'], 'There is no command constructor.'],
    [['sign-in'], 'EMAIL is missing.'],
    [['sign-out', 'now'], "Unexpected argument 'now'"],
    [['trace'], 'ID is missing.'],
    [['trace', 'a', 'b'], 'ID is one argument, not 2.'],
    [['trace', '--all'], "Unknown option '--all'"],
    [['probe', 'x'], "Unexpected argument 'x'"],
    [['endpoints', 'remove', 'ep-0123456789abcdef'], 'remove is not an action of this command.'],
    [['endpoints', 'list', 'x'], "Unexpected argument 'x'"],
    [['endpoints', 'show'], 'ID is missing.'],
    [['endpoints', 'pause', 'prelim-report'], 'prelim-report is not an id of a subscriber'],
    [['replay', 'constructor'], 'constructor is not an action of this command.'],
    [['replay', 'apply', 'x'], 'x is not an id of a replay'],
    [['replay', 'propose', '--reason', 'r'], '--endpoint and --reason are needed.'],
    [['replay', 'propose', '--endpoint', 'crm', '--reason', 'r'], '--endpoint: must be ep- and 16'],
    [
      ['replay', 'propose', '--endpoint', 'ep-0123456789abcdef', '--reason', 'r', '--rate', 'fast'],
      '--rate: must be a whole number',
    ],
    [
      ['replay', 'propose', '--endpoint', 'ep-0123456789abcdef', '--reason', 'r', '--from', 'monday'],
      '--from: ',
    ],
    [['erase'], 'USER_ID is missing.'],
    [['erase', 'somebody'], 'somebody is not an id of a user'],
    [['erase', randomUUID(), '--from', 'file'], 'USER_ID and --from exclude each other.'],
  ])('refuses %j, says how it is used, and asks nobody', async (args, message) => {
    const { code, out, error } = await polaris(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain(message);
    expect(error).toContain('Usage: npm run polaris -- ');
  });

  it('explains itself and each command', async () => {
    const { code, out } = await polaris(['--help']);
    expect(code).toBe(0);
    const names = [...out.matchAll(/^ {2}(\S+) /gm)].map(([, name = '']) => name);
    expect(names).toEqual(['sign-in', 'sign-out', 'trace', 'probe', 'endpoints', 'replay', 'erase']);
    for (const name of names) {
      const help = await polaris([name, '--help']);
      expect(help).toMatchObject({ code: 0, error: '' });
      expect(help.out).toContain(`Usage: npm run polaris -- ${name}`);
    }
  });

  it.each([
    [['trace', 'x']],
    [['probe']],
    [['endpoints']],
    [['endpoints', 'check', 'ep-0123456789abcdef']],
    [['replay']],
    [['replay', 'apply', '1']],
    [['erase', randomUUID(), '--yes']],
  ])('refuses %j while nobody is signed in', async (args) => {
    expect(await polaris(args)).toEqual({
      code: 1,
      out: '',
      error: 'Nobody is signed in: npm run polaris -- sign-in EMAIL.\n',
    });
  });

  it('shows a trace to an operator who is signed in, until they sign out', async () => {
    const operator = await system.createOperator();
    expect((await polaris(['trace', 'x'])).error).toContain('Nobody is signed in');
    expect(await polaris(['sign-in', operator.email], `${operator.password}\n`)).toMatchObject({
      code: 0,
      out: `Signed in as ${operator.email} at ${system.supabase.url}.\n`,
    });
    // Read and written by its owner alone: whoever has it is the operator.
    expect((await stat(sessionPath())).mode & 0o777).toBe(0o600);
    expect(await readFile(sessionPath(), 'utf8')).not.toContain(operator.password);

    const { reportId } = await system.createReport();
    const trace = 'ab'.repeat(16);
    await system.sql`
      select public.request_report_job(
        'job_shown', 'pipeline', 'p', true, 60, 5, 'org', ${reportId}::uuid, 'prelim', p_trace_id => ${trace})`;
    await system.sql`select public.complete_report_job('job_shown', 'failed', 60, 1, p_error => 'No model.')`;
    const { code, out } = await polaris(['trace', reportId]);
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^trace ${trace}, .*\\n +\\+0 ms +\\d+ ms +job job_shown prelim failed: No model\\.\\n +\\+\\d+ ms +not over +event \\S+ not applied\\n$`,
      ),
    );
    expect((await polaris(['trace', 'unknown'])).out).toBe('Nothing has this id.\n');

    expect(await polaris(['sign-out'])).toMatchObject({ code: 0 });
    expect((await polaris(['trace', reportId])).code).toBe(1);
  });

  it('signs in neither with a wrong password nor as a user who is no operator, and then keeps nothing', async () => {
    const user = await system.createUser();
    const wrong = await polaris(['sign-in', user.email], 'wrong\n');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.error).toContain('could not be signed in');
    const refused = await polaris(['sign-in', user.email], `${user.password}\n`);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.error).toContain('is not an operator');
    await expect(stat(sessionPath())).rejects.toThrow('ENOENT');
  });

  it('does not say that an operator is none while the database cannot be asked, and then keeps nothing', async () => {
    const { email, password } = await system.createOperator();
    // Auth answers, and the Data API is unavailable.
    const proxy = createServer((request, response) => {
      void forward(request, response);
    });
    async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (request.url?.startsWith('/rest/') !== false) {
        response.writeHead(503, { 'content-type': 'application/json' }).end('{"message":"no connection"}');
        return;
      }
      const { method = 'GET', headers } = request;
      const body = await buffer(request);
      const answer = await fetch(new URL(request.url, system.supabase.url), {
        method,
        headers: {
          apikey: String(headers['apikey']),
          authorization: String(headers['authorization']),
          'content-type': 'application/json',
        },
        ...(body.byteLength > 0 && { body }),
      });
      response
        .writeHead(answer.status, { 'content-type': 'application/json' })
        .end(Buffer.from(await answer.arrayBuffer()));
    }
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const said = await polaris(['sign-in', email], `${password}\n`, {
        SUPABASE_URL: `http://127.0.0.1:${port}`,
      });
      expect(said).toMatchObject({ code: 1, out: '' });
      expect(said.error).toContain('no connection');
      expect(said.error).not.toContain('is not an operator');
      await expect(stat(sessionPath())).rejects.toThrow('ENOENT');
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it.each([
    ['a secret key', { SUPABASE_PUBLISHABLE_KEY: 'sb_secret_0123456789' }, 'is a secret key'],
    [
      'a service key of the older kind',
      {
        SUPABASE_PUBLISHABLE_KEY: `e30.${Buffer.from('{"role":"service_role"}').toString('base64url')}.x`,
      },
      'is a secret key',
    ],
    ['no address of the deployment', { WEBHOOK_BASE_URL: '' }, 'WEBHOOK_BASE_URL must be an address'],
    [
      'an address that shows tokens to whoever is in between',
      { WEBHOOK_BASE_URL: 'http://polaris.example.com/api/webhooks' },
      'WEBHOOK_BASE_URL must begin with https://',
    ],
    [
      'an address of the project with a path',
      { SUPABASE_URL: 'https://project.example.com/rest/v1' },
      'SUPABASE_URL must be the address of the project without a path',
    ],
    [
      'an address of the project that shows passwords to whoever is in between',
      { SUPABASE_URL: 'http://project.example.com' },
      'SUPABASE_URL must begin with https://',
    ],
    ['no project', { SUPABASE_URL: '', SUPABASE_PUBLISHABLE_KEY: '' }, 'No project: set SUPABASE_URL'],
    ['a key without its project', { SUPABASE_URL: '' }, 'SUPABASE_URL is not set: set both'],
    ['a project without its key', { SUPABASE_PUBLISHABLE_KEY: '' }, 'SUPABASE_PUBLISHABLE_KEY is not set'],
    [
      'a project that does not answer',
      { SUPABASE_URL: 'http://127.0.0.1:9' },
      'The server cannot be reached.',
    ],
  ])('does not sign in with %s', async (_what, change, message) => {
    const { email, password } = await system.createOperator();
    const said = await polaris(['sign-in', email], `${password}\n`, change);
    expect(said).toMatchObject({ code: 1, out: '' });
    expect(said.error).toContain(message);
    expect(said.error).not.toContain(password);
    expect(said.error).not.toContain('sb_secret_');
    await expect(stat(sessionPath())).rejects.toThrow('ENOENT');
  });

  describe('with a session', () => {
    let operatorId: string;
    beforeEach(async () => {
      const { id, email, password } = await system.createOperator();
      operatorId = id;
      expect(await polaris(['sign-in', email], `${password}\n`)).toMatchObject({ code: 0 });
    });
    afterEach(() => rm(sessionPath(), { force: true }));

    /** Changes what Supabase's client keeps. */
    async function changeSession(change: (session: Record<string, unknown>) => object): Promise<void> {
      const content = stored.parse(JSON.parse(await readFile(sessionPath(), 'utf8')));
      const [[key, value] = ['', '{}']] = Object.entries(content.items);
      const session = z.record(z.string(), z.unknown()).parse(JSON.parse(value));
      content.items[key] = JSON.stringify(change(session));
      await writeFile(sessionPath(), JSON.stringify(content));
    }

    it('refuses a file that others can read, until the operator signs out', async () => {
      await chmod(sessionPath(), 0o640);
      const { code, error } = await polaris(['trace', 'x']);
      expect(code).toBe(1);
      expect(error).toContain('session.json (mode 640). Sign out');
      expect(await polaris(['sign-out'])).toMatchObject({ code: 0 });
      await expect(stat(sessionPath())).rejects.toThrow('ENOENT');
    });

    it('keeps the mode of the file when it refreshes the session', async () => {
      const before = await readFile(sessionPath(), 'utf8');
      await changeSession((session) => ({ ...session, expires_at: 1 }));
      expect(await polaris(['trace', 'x'])).toMatchObject({ code: 0 });
      expect(await readFile(sessionPath(), 'utf8')).not.toBe(before);
      expect((await stat(sessionPath())).mode & 0o777).toBe(0o600);
    });

    it('says that a session which cannot be refreshed is over', async () => {
      await changeSession((session) => ({ ...session, expires_at: 1, refresh_token: 'gone' }));
      expect(await polaris(['trace', 'x'])).toEqual({
        code: 1,
        out: '',
        error: 'The session is over. Sign in again: npm run polaris -- sign-in EMAIL.\n',
      });
    });

    it('says that nobody answers, and keeps the session', async () => {
      const content = await readFile(sessionPath(), 'utf8');
      await writeFile(sessionPath(), content.replaceAll(system.supabase.url, 'http://127.0.0.1:9'));
      const { code, error } = await polaris(['trace', 'x'], '', { SUPABASE_URL: 'http://127.0.0.1:9' });
      expect(code).toBe(1);
      expect(error).toContain('The server cannot be reached.');
      // Somebody may have copied it: a session that Auth has not ended is not said to be.
      const out = await polaris(['sign-out']);
      expect(out).toMatchObject({ code: 1, out: '' });
      expect(out.error).toContain(
        'Auth did not end the session, and it is kept: The server cannot be reached.',
      );
      await writeFile(sessionPath(), content);
      expect(await polaris(['trace', 'x'])).toMatchObject({ code: 0 });
    });

    it.each([
      [429, 'too many requests.'],
      [503, 'Auth is unavailable (503). Try again in a moment.'],
    ])('keeps the session when Auth answers %i to its end', async (status, reason) => {
      const busy = createServer((_request, response) => {
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end('{"message":"too many requests"}');
      });
      busy.listen(0, '127.0.0.1');
      await once(busy, 'listening');
      const address = busy.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const content = await readFile(sessionPath(), 'utf8');
      await writeFile(sessionPath(), content.replaceAll(system.supabase.url, `http://127.0.0.1:${port}`));
      try {
        const out = await polaris(['sign-out']);
        expect(out).toMatchObject({ code: 1, out: '' });
        expect(out.error).toContain(`Auth did not end the session, and it is kept: ${reason}`);
        expect((await stat(sessionPath())).isFile()).toBe(true);
      } finally {
        busy.closeAllConnections();
        busy.close();
      }
    });

    it.each<[string, Record<string, string>]>([
      ['project', { SUPABASE_URL: 'https://other.example.com' }],
      ['deployment', { WEBHOOK_BASE_URL: 'https://other.example.com/api/webhooks' }],
    ])('does nothing where the environment names another %s', async (_what, change) => {
      const { code, out, error } = await polaris(['trace', 'x'], '', change);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toContain('names another project or deployment');
    });

    it('is kept when another sign-in fails', async () => {
      const { email } = await system.createOperator();
      expect((await polaris(['sign-in', email], '\n')).error).toContain('No password was given');
      expect(await polaris(['sign-in', email], 'wrong\n')).toMatchObject({ code: 1 });
      expect(await polaris(['trace', 'x'])).toMatchObject({ code: 0 });
    });

    it('refuses a former operator', async () => {
      await system.sql`delete from public.operators where user_id = ${operatorId}`;
      const { code, error } = await polaris(['trace', 'x']);
      expect(code).toBe(1);
      expect(error).toContain('is not, or no longer, an operator');
    });

    it('writes no control character of others to the terminal', async () => {
      const { reportId } = await system.createReport();
      await system.sql`
        select public.request_report_job(
          'job_shown_2', 'pipeline', 'p', true, 60, 5, 'org', ${reportId}::uuid, 'prelim')`;
      await system.sql`
        select public.complete_report_job(
          'job_shown_2', 'failed', 60, 1, p_error => ${'No\u001b[2Jmodel\nforged line'})`;
      const { out } = await polaris(['trace', reportId]);
      expect(out).toContain('No\ufffd[2Jmodel\ufffdforged line');
      expect(out).not.toContain('\u001b');
    });
  });
});
