import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const missing = ['bash', 'curl', 'openssl'].filter(
  (tool) => spawnSync(tool, ['--version']).error !== undefined,
);

let system: TestSystem;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'polaris-guide-'));
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/webhooks/retry.ts',
      'api/cron/sweep.ts',
    ],
  });
  const { supabase, secrets } = system;
  const dev = {
    url: system.url(''),
    supabaseUrl: supabase.url,
    publishableKey: supabase.publishableKey,
    webhookSecret: secrets.webhookSecret,
    pipelineApiKey: secrets.pipelineApiKey,
    cronSecret: secrets.cronSecret,
    operator: await system.createOperator(),
    user: await system.createUser(),
  };
  await writeFile(join(directory, 'dev.json'), JSON.stringify(dev), { mode: 0o600 });
});
afterAll(async () => {
  await system.stop();
  await rm(directory, { recursive: true });
});

interface Step {
  command: string;
  /** What the guide says it prints; undefined where it says nothing. */
  expected: string | undefined;
}

async function readSteps(): Promise<Step[]> {
  const guide = await readFile(join(projectRoot, 'WEBHOOK_TESTING_GUIDE.md'), 'utf8');
  const steps: Step[] = [];
  for (const [, language, content = ''] of guide.matchAll(/```(sh|text)\n([^]*?)```/g)) {
    if (language === 'sh') steps.push({ command: content, expected: undefined });
    else steps.splice(-1, 1, { command: steps.at(-1)?.command ?? '', expected: content });
  }
  return steps;
}

const MARK = '== next step ==';

/** Pastes all of them into one shell, and answers what each printed. */
async function paste(steps: Step[], dataDirectory = directory): Promise<string[]> {
  const script = steps.map(({ command }) => `${command}\necho "${MARK}"\n`).join('');
  const shell = spawn('bash', ['-c', script], {
    cwd: projectRoot,
    env: { ...process.env, POLARIS_DATA_DIR: dataDirectory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  shell.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => shell.once('close', resolve));
  return output.split(`${MARK}\n`);
}

function fits(actual: string, expected: string): boolean {
  const pattern = expected
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^\\n]*');
  return new RegExp(`^${pattern}$`).test(actual);
}

it('does what the guide says, step by step', async (context) => {
  if (missing.length > 0) context.skip(`not at hand: ${missing.join(', ')}`);
  const steps = await readSteps();
  expect(steps.length).toBeGreaterThan(15);
  const outputs = await paste(steps);
  steps.forEach(({ command, expected }, index) => {
    const actual = (outputs[index] ?? '').trimEnd();
    if (expected === undefined) expect(`${command}${actual}`).toBe(command);
    else if (!fits(actual, expected.trimEnd())) expect(`${command}${actual}`).toBe(`${command}${expected}`);
  });
});

it('says what to do where the local system does not run', async (context) => {
  if (missing.length > 0) context.skip(`not at hand: ${missing.join(', ')}`);
  const [keys] = await readSteps();
  const folder = join(directory, 'elsewhere');
  const [output] = await paste(keys === undefined ? [] : [keys], folder);
  expect(output).toBe(
    `There is no ${folder}/dev.json: start npm run dev in another shell and wait for its addresses, or set POLARIS_DATA_DIR as it was set there.\n`,
  );
});
