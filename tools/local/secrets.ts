import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** The secrets of a local system. Created once and kept with its data, since data and tokens depend on them. */
const secrets = z.object({
  databasePassword: z.string(),
  jwtSecret: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
  webhookSecret: z.string(),
  pipelineApiKey: z.string(),
  cronSecret: z.string(),
  operatorPassword: z.string(),
  userPassword: z.string(),
});
export type Secrets = z.infer<typeof secrets>;

const random = () => randomBytes(32).toString('base64url');

export function createSecrets(): Secrets {
  return {
    databasePassword: random(),
    jwtSecret: random(),
    publishableKey: `sb_publishable_${random()}`,
    secretKey: `sb_secret_${random()}`,
    webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
    pipelineApiKey: `polaris_${random()}`,
    cronSecret: `cron_${random()}`,
    operatorPassword: randomBytes(12).toString('base64url'),
    userPassword: randomBytes(12).toString('base64url'),
  };
}

/** Reads the secrets from `secrets.json` in this directory, or creates the file. Only its owner may read it. */
export async function loadSecrets(directory: string): Promise<Secrets> {
  const path = join(directory, 'secrets.json');
  await mkdir(directory, { recursive: true });
  try {
    return secrets.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new Error(`${path} is damaged: remove the folder ${directory} to begin anew.`, { cause: error });
    }
  }
  const created = createSecrets();
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(created, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return created;
}
