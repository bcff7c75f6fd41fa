import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from './paths.ts';

const POLICY = 'Content-Security-Policy';

const vercel = z.object({
  headers: z.array(
    z.object({
      source: z.string(),
      headers: z.array(z.object({ key: z.string(), value: z.string() })),
    }),
  ),
});

/** The headers that vercel.json sets on every answer. */
export async function securityHeaders(): Promise<Record<string, string>> {
  const settings = vercel.parse(JSON.parse(await readFile(join(projectRoot, 'vercel.json'), 'utf8')));
  const everywhere = settings.headers.filter(({ source }) => source === '/(.*)');
  return Object.fromEntries(
    everywhere.flatMap(({ headers }) => headers.map(({ key, value }) => [key, value] as const)),
  );
}

/** The same headers with additional sources in the Content-Security-Policy. */
export function withSources(
  headers: Readonly<Record<string, string>>,
  further: Readonly<Record<string, readonly string[]>>,
): Record<string, string> {
  const directives = new Map(
    (headers[POLICY] ?? '').split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(/\s+/);
      return [name, sources] as const;
    }),
  );
  for (const [name, sources] of Object.entries(further)) {
    // A missing directive falls back to default-src; once it exists, it must contain those sources itself.
    directives.set(name, [...(directives.get(name) ?? directives.get('default-src') ?? []), ...sources]);
  }
  const policy = [...directives].map(([name, sources]) => [name, ...sources].join(' ')).join('; ');
  return { ...headers, [POLICY]: policy };
}
