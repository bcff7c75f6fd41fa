import type { VersionTest } from '../../../contracts/subscribers.ts';

type Change = VersionTest['events'][number]['changes'][number];

/**
 * The members in which two bodies of one event differ, by their paths. For people who look at an upgrade: the bodies are without
 * content, so that no number in them is too long for JavaScript.
 */
export function changesBetween(before: string, after: string): Change[] {
  const old = membersOf(JSON.parse(before), '');
  const present = membersOf(JSON.parse(after), '');
  const paths = [...new Set([...old.keys(), ...present.keys()])];
  return paths.flatMap((path) => {
    const change = { path, before: old.get(path) ?? null, after: present.get(path) ?? null };
    return change.before === change.after ? [] : [change];
  });
}

/** The scalars, and empty objects, of a value as JSON text. Arrays are taken whole. */
function membersOf(value: unknown, path: string): Map<string, string> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = isObject ? Object.entries(value) : [];
  if (entries.length === 0) return new Map([[path, JSON.stringify(value)]]);
  return new Map(
    entries.flatMap(([name, member]) => [
      ...membersOf(member, path === '' ? name : `${path}.${name}`).entries(),
    ]),
  );
}
