import { cpus } from 'node:os';
import { expect, it } from 'vitest';
import { describeMachine, machine } from '../../../tools/bench/machine.ts';

it('names the cores and the model that figures were measured on', () => {
  const measured = machine();
  expect(measured).toMatchObject({ cores: cpus().length, node: process.versions.node });
  // /proc/cpuinfo of the machine itself, or a model that it does not tell.
  expect([cpus()[0]?.model.trim(), 'unknown']).toContain(measured.cpu);
  expect(describeMachine({ ...measured, cores: 2, cpu: 'AMD EPYC', loadBefore: 0.66 })).toBe(
    `2 cores (AMD EPYC), Node ${process.versions.node}, load 0.7 before`,
  );
  expect(describeMachine({ cores: 4, cpu: 'x', node: '24.0.0', postgres: '17.1', loadBefore: 1 })).toBe(
    '4 cores (x), Node 24.0.0, PostgreSQL 17.1, load 1.0 before',
  );
});
