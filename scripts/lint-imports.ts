/** Finds import cycles (type imports included) and exports that no other file imports. Exit status 1 if it finds any. */
import { findCircles } from '../tools/imports/circles.ts';
import { readModules } from '../tools/imports/modules.ts';
import { findUnusedExports } from '../tools/imports/unused-exports.ts';
import { projectRoot } from '../tools/local/paths.ts';

const modules = await readModules(projectRoot);
const findings = [
  ...findCircles(modules).map((circle) => `circle: ${circle}`),
  ...findUnusedExports(modules).map((name) => `no module imports ${name}`),
];
for (const finding of findings) console.error(finding);
process.exitCode = findings.length === 0 ? 0 : 1;
