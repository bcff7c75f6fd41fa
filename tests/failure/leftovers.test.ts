import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devFile } from '../../src/contracts/dev.ts';
import { environment } from '../../tools/local/environment.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { freePort, requireFreePort } from '../../tools/local/ports.ts';

let directory: string;
let ports: { PORT: string; SUPABASE_API_PORT: string; SUPABASE_DB_PORT: string };
beforeEach(async () => {
  // Not mkdtemp's own: as root, PostgreSQL runs as another user, who must be able to pass.
  directory = join(tmpdir(), `polaris-leftovers-${process.pid}-${Date.now()}`);
  ports = {
    PORT: String(await freePort()),
    SUPABASE_API_PORT: String(await freePort()),
    SUPABASE_DB_PORT: String(await freePort()),
  };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Program {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

/** Starts a program as a terminal does: in a process group of its own, which Ctrl-C signals as a whole. */
function start(script: string, extra: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [join(projectRoot, 'scripts', script)], {
    cwd: projectRoot,
    detached: true,
    env: environment({ POLARIS_DATA_DIR: directory, ...ports, ...extra }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += String(text)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, ended };
}

function interrupt({ child }: Program): void {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
}

/** Every process that knows the data directory: by its command line, as the database does, or as its current folder. */
async function processesAbout(path: string): Promise<string[]> {
  const names = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const read = (file: string) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
      const [command, variables] = [await read('cmdline'), await read('environ')];
      return (command + variables).includes(path) ? [command.replaceAll('\0', ' ')] : [];
    }),
  );
  return found.flat();
}

async function expectNothingLeft(): Promise<void> {
  const deadline = Date.now() + 5000;
  while ((await processesAbout(directory)).length > 0 && Date.now() < deadline) await sleep(50);
  expect(await processesAbout(directory)).toEqual([]);
  for (const port of Object.values(ports)) await requireFreePort(Number(port), 'a test');
  const files = await readdir(directory).catch(() => []);
  expect(files).not.toContain('dev.json');
  expect(files).not.toContain('lock');
}

async function untilRunning(program: Program): Promise<void> {
  const path = join(directory, 'dev.json');
  for (let tries = 0; tries < 3600; tries += 1) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return;
    await sleep(50);
  }
  throw new Error(`it does not start: ${program.output()}`);
}

/** The process of a service of this program. */
async function serviceOf({ child }: Program, name: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const isChild = (await read('stat')).split(') ').at(-1)?.split(' ')[1] === String(child.pid);
    if (isChild && (await read('cmdline')).includes(name)) return Number(pid);
  }
  throw new Error(`${name} does not run`);
}

describe('npm run dev', () => {
  it('answers once dev.json exists, leaves no process after Ctrl-C, and keeps its data', async () => {
    const first = start('dev.ts');
    await untilRunning(first);
    const path = join(directory, 'dev.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const dev = devFile.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(dev.url).toBe(`http://localhost:${ports.PORT}`);
    expect((await fetch(dev.url)).status).toBe(200);
    expect((await fetch(`${dev.url}/api/reportJobsDb?job_id=x`)).status).toBe(401);
    interrupt(first);
    expect(await first.ended).toBe(0);
    await expectNothingLeft();

    const second = start('dev.ts');
    await untilRunning(second);
    const again = devFile.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(again).toEqual(dev);
    const other = start('dev.ts', { SUPABASE_DB_PORT: String(await freePort()) });
    expect(await other.ended).toBe(1);
    expect(other.output()).toContain('A local system runs on');
    interrupt(second);
    expect(await second.ended).toBe(0);
    await expectNothingLeft();
  }, 600_000);

  it.each([100, 700, 2000])(
    'leaves nothing when it is interrupted %i ms after its start',
    async (delayMs) => {
      const program = start('dev.ts');
      await sleep(delayMs);
      interrupt(program);
      await program.ended;
      await expectNothingLeft();
    },
    180_000,
  );

  it('leaves no process when it is killed', async () => {
    const program = start('dev.ts');
    await untilRunning(program);
    program.child.kill('SIGKILL');
    await program.ended;
    const deadline = Date.now() + 60_000;
    while ((await processesAbout(directory)).length > 0 && Date.now() < deadline) await sleep(100);
    expect(await processesAbout(directory)).toEqual([]);
  }, 300_000);

  it('restarts a service that ended, at the same address, and leaves no process after Ctrl-C', async () => {
    const program = start('dev.ts');
    await untilRunning(program);
    const dev = devFile.parse(JSON.parse(await readFile(join(directory, 'dev.json'), 'utf8')));
    const status = async (path: string) => {
      try {
        return (await fetch(`${dev.url}${path}`, { signal: AbortSignal.timeout(5000) })).status;
      } catch {
        return null;
      }
    };
    for (const [service, name] of [
      ['functions-process.ts', 'the functions'],
      ['supabase-api-process.ts', 'the Supabase API'],
      ['postgres-process.ts', 'PostgreSQL'],
    ] as const) {
      process.kill(await serviceOf(program, service), 'SIGKILL');
      await expect.poll(program.output, { timeout: 120_000 }).toContain(`${name} ended unexpectedly`);
      await expect.poll(program.output, { timeout: 120_000 }).toContain(`${name} started again`);
      // The whole way: the page's port, the function, the API, the database.
      await expect.poll(() => status('/api/health'), { timeout: 120_000, interval: 500 }).toBe(200);
    }
    interrupt(program);
    expect(await program.ended).toBe(0);
    await expectNothingLeft();
  }, 600_000);

  it('says which port is taken, and how to move it', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) =>
      blocker.listen(Number(ports.SUPABASE_DB_PORT), '127.0.0.1', resolve),
    );
    const program = start('dev.ts');
    expect(await program.ended).toBe(1);
    expect(program.output()).toContain(`Port ${ports.SUPABASE_DB_PORT}, which PostgreSQL needs, is in use.`);
    expect(program.output()).toContain('SUPABASE_DB_PORT');
    expect(program.output()).not.toContain('    at ');
    await new Promise((resolve) => blocker.close(resolve));
    await expectNothingLeft();
  }, 120_000);
});

describe('npm run demo', () => {
  it('leaves no process when it is interrupted halfway', async () => {
    const program = start('demo.ts');
    const deadline = Date.now() + 180_000;
    while (!program.output().includes('prelims') && Date.now() < deadline) await sleep(50);
    interrupt(program);
    expect(await program.ended).toBe(130);
    await expectNothingLeft();
    expect(await readdir(tmpdir())).not.toContain(`${directory}-demo`.split('/').at(-1));
  }, 300_000);
});
