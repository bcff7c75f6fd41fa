import { cp } from 'node:fs/promises';

/** Dependencies, what is built, data of the local system, and secrets (`.env.local`). */
const LEFT_OUT = /^(?:node_modules|dist|\.git|\.vercel|\.data(?:-.*)?|\.env.*)$/;

/** Copies a project without what its build must not need. */
export async function copyProject(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    filter: (path) =>
      !path
        .slice(from.length)
        .split('/')
        .some((part) => LEFT_OUT.test(part)),
  });
}
