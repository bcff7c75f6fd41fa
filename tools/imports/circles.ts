import type { Module } from './modules.ts';

/** Finds import cycles. Each is reported once, by the shortest path from the file where it was found: `a.ts → b.ts → a.ts`. */
export function findCircles(modules: readonly Module[]): string[] {
  const importsOf = new Map(modules.map(({ path, imports }) => [path, imports.map((each) => each.path)]));
  const done = new Set<string>();
  const circles = new Set<string>();
  const way: string[] = [];

  function visit(path: string): void {
    const from = way.indexOf(path);
    if (from >= 0) circles.add(turned(way.slice(from)));
    if (from >= 0 || done.has(path)) return;
    way.push(path);
    for (const imported of importsOf.get(path) ?? []) visit(imported);
    way.pop();
    done.add(path);
  }
  for (const path of importsOf.keys()) visit(path);
  return [...circles].sort();
}

/** Rotates a cycle to begin with the first name, so that it is the same wherever it was found. */
function turned(circle: readonly string[]): string {
  const first = circle.indexOf([...circle].sort()[0] ?? '');
  const all = [...circle.slice(first), ...circle.slice(0, first)];
  return [...all, all[0]].join(' → ');
}
