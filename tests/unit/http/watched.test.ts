import { globSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import { watched } from '../../../src/server/http/watched.ts';
import { readText } from '../docs/page.ts';

it('every function reports what it has used under its own name, and looks after the alerts, once it has answered', () => {
  const functions = globSync('api/**/*.ts', { cwd: projectRoot });
  const unwatched = functions.filter((file) => {
    const name = file.slice('api/'.length, -'.ts'.length);
    return !new RegExp(`const handle = watched\\([^]*watchFunction\\('${name}'\\),?\\s*\\);`).test(
      readText(file),
    );
  });
  expect(functions.length).toBeGreaterThan(5);
  expect(unwatched).toEqual([]);
});

it('it is told after the answer, also of a request that failed', async () => {
  const told: string[] = [];
  const answering = watched(
    () => {
      told.push('handled');
      return Promise.resolve(new Response('ok'));
    },
    () => told.push('told'),
  );
  expect(await (await answering(new Request('http://127.0.0.1/'))).text()).toBe('ok');
  const failing = watched(
    () => Promise.reject(new Error('odd')),
    () => told.push('told'),
  );
  await expect(failing(new Request('http://127.0.0.1/'))).rejects.toThrow('odd');
  expect(told).toEqual(['handled', 'told', 'told']);
});
