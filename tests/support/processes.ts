import { readdir, readFile } from 'node:fs/promises';

/** Processes whose environment contains this text; none on systems without /proc. */
export async function processesWith(mark: string): Promise<{ pid: number; command: string }[]> {
  const names = await readdir('/proc').catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        try {
          const variables = await readFile(`/proc/${name}/environ`, 'utf8');
          if (!variables.includes(mark)) return [];
          const command = await readFile(`/proc/${name}/cmdline`, 'utf8');
          return [{ pid: Number(name), command: command.replaceAll('\0', ' ') }];
        } catch {
          return [];
        }
      }),
  );
  return found.flat();
}
