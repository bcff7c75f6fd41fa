import { expect, it } from 'vitest';
import { parseStat, perCall, treeCpuMs } from '../../../tools/bench/cpu.ts';

const stat = (pid: number, name: string, parent: number, times: string) =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194304 101 0 0 0 ${times} 20 0 1 0 7956672 3133440 414`;

it('reads the time of a process and of its children that have ended, whatever its name', () => {
  // 1, 2, 3 and 4 hundredths of a second: user and system, its own and its children's.
  expect(parseStat(stat(7, 'a) S 9 (b', 3, '1 2 3 4'))).toEqual({ pid: 7, parent: 3, cpuMs: 100 });
});

it('counts a process with all that it has started, and nothing else', () => {
  const processes = [
    { pid: 1, parent: 0, cpuMs: 1000 },
    { pid: 2, parent: 1, cpuMs: 10 },
    { pid: 3, parent: 2, cpuMs: 20 },
    { pid: 4, parent: 3, cpuMs: 40 },
    { pid: 5, parent: 1, cpuMs: 500 },
  ];
  expect(treeCpuMs(processes, 2)).toBe(70);
});

it('divides time among calls', () => {
  expect(perCall({ functions: 30, host: 20, rest: 10, database: 5 }, 8)).toEqual({
    functions: 3.75,
    host: 2.5,
    rest: 1.25,
    database: 0.63,
  });
});
