import type { Diagnosis } from '../../src/server/observe/doctor.ts';

const LABELS = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', skipped: 'skipped' };
const LABEL_CHARACTERS = 9;
const CHECK_CHARACTERS = 13;

/** Prints one line per finding, and below it what to do. */
export function printDiagnoses(diagnoses: readonly Diagnosis[], print: (line: string) => void): void {
  for (const { level, check, message, action, from } of diagnoses) {
    const place = from === 'deployment' ? 'from inside: ' : '';
    print(`${LABELS[level].padEnd(LABEL_CHARACTERS)}${check.padEnd(CHECK_CHARACTERS)}${place}${message}`);
    if (action !== undefined) print(`${' '.repeat(LABEL_CHARACTERS + CHECK_CHARACTERS)}To do: ${action}`);
  }
  const count = (wanted: Diagnosis['level']) => diagnoses.filter(({ level }) => level === wanted).length;
  print(
    `doctor: ${count('failed')} failed, ${count('warning')} warnings, ${count('ok')} ok, ${count('skipped')} skipped`,
  );
}
