import type { Finding } from '../finding.ts';
import type { CalledObjects } from './called-objects.ts';
import type { CalledFunction, CalledTable, Calls } from './calls.ts';

/** Finds calls of a version that the database no longer supports. */
export function compareCalls({ version, functions, tables }: Calls, present: CalledObjects): Finding[] {
  const findings: Finding[] = [];
  const add = (where: string, is: string, advice: string) => {
    findings.push({ where, rule: 'calls', message: `${version} calls it, and ${is}: ${advice}` });
  };
  for (const [name, called] of Object.entries(functions)) {
    const where = `function public.${name}`;
    const [own, ...others] = present.functions.get(name) ?? [];
    if (own === undefined) add(where, 'it is gone', KEEP);
    else if (others.length > 0)
      add(where, 'there is another of its name', 'give the new one a name of its own');
    else for (const [is, advice] of functionFaults(called, own)) add(where, is, advice);
  }
  for (const [name, called] of Object.entries(tables)) {
    const where = `table public.${name}`;
    const own = present.tables.get(name);
    if (own === undefined) add(where, 'it is gone', KEEP);
    else for (const [is, advice] of tableFaults(called, own)) add(where, is, advice);
  }
  return findings;
}

type Fault = readonly [is: string, advice: string];

const KEEP = 'keep it one version longer';
const NEW_FUNCTION = 'keep it one version longer, and write a function of another name';

function functionFaults(called: CalledFunction, own: CalledFunction): Fault[] {
  const faults: Fault[] = [];
  const all = { ...own.required, ...own.optional };
  for (const [name, type] of Object.entries({ ...called.required, ...called.optional })) {
    if (all[name] === undefined) faults.push([`its parameter ${name} is gone`, NEW_FUNCTION]);
    else if (all[name] !== type) {
      faults.push([`its parameter ${name} is ${all[name]} instead of ${type}`, NEW_FUNCTION]);
    }
  }
  for (const name of Object.keys(own.required)) {
    if (called.required[name] !== undefined) continue;
    faults.push([
      called.optional[name] === undefined
        ? `its new parameter ${name} has no default`
        : `its parameter ${name} has lost its default`,
      'give the parameter a default',
    ]);
  }
  if (own.returns !== called.returns) {
    faults.push([`it returns ${own.returns} instead of ${called.returns}`, NEW_FUNCTION]);
  }
  for (const role of called.executableBy) {
    if (!own.executableBy.includes(role))
      faults.push([`${role} may not execute it`, 'grant the right again']);
  }
  return faults;
}

function tableFaults(called: CalledTable, own: CalledTable): Fault[] {
  const faults: Fault[] = [];
  for (const [name, type] of Object.entries(called.columns)) {
    if (own.columns[name] === undefined) faults.push([`its column ${name} is gone`, KEEP]);
    else if (own.columns[name] !== type) {
      faults.push([
        `its column ${name} is ${own.columns[name]} instead of ${type}`,
        'keep the column one version longer, and add another one',
      ]);
    }
  }
  const isInserted = Object.values(called.rights).some((privileges) => privileges.includes('insert'));
  for (const name of isInserted ? own.required : []) {
    if (!called.required.includes(name)) {
      faults.push([`an insert must give the column ${name}`, 'give the column a default']);
    }
  }
  for (const [role, privileges] of Object.entries(called.rights)) {
    // Safe: the keys of `rights` are roles.
    const held = own.rights[role as keyof typeof own.rights] ?? [];
    for (const privilege of privileges) {
      if (!held.includes(privilege)) faults.push([`${role} lacks ${privilege}`, 'grant the right again']);
    }
  }
  return faults;
}
