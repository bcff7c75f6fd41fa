/**
 * Checks the SQL sources, the migrations and what is generated from them. `--lint` checks the files alone, without a
 * database.
 */
import { parseArgs } from 'node:util';
import { check } from '../tools/db/check.ts';
import { formatFinding } from '../tools/db/finding.ts';
import { lint } from '../tools/db/lint/lint.ts';
import { projectRoot } from '../tools/local/paths.ts';
import { describeError } from '../tools/local/wrong-use.ts';

try {
  const { values } = parseArgs({ options: { lint: { type: 'boolean', default: false } } });
  const findings = values.lint ? (await lint(projectRoot)).findings : await check(projectRoot);
  for (const finding of findings) console.error(formatFinding(finding));
  if (findings.length === 0) console.log('Sources, migrations, rights and types agree.');
  else console.error(`${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}.`);
  process.exitCode = findings.length === 0 ? 0 : 1;
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
