import { readdir, readFile } from 'node:fs/promises';
import type { Cpu } from '../../src/contracts/bench.ts';

/** Linux counts a process's time in hundredths of a second. */
const TICK_MS = 10;

interface ProcessTime {
  pid: number;
  parent: number;
  /** Of all its threads, and of those of its children that have ended. */
  cpuMs: number;
}

/** Which processes a system consists of: each with all that it has started. */
export interface SystemProcesses {
  database: number;
  rest: number[];
  /** Hosts of functions, whose children are the functions. */
  hosts: number[];
}

export const NO_CPU: Cpu = { functions: 0, host: 0, rest: 0, database: 0 };

/** CPU time that a system has used so far, in milliseconds. Where there is no /proc (it is Linux's), this throws. */
export async function readCpu({ database, rest, hosts }: SystemProcesses): Promise<Cpu> {
  const processes = await readProcesses();
  const own = (pids: number[]) =>
    sum(processes.filter(({ pid }) => pids.includes(pid)).map(({ cpuMs }) => cpuMs));
  const host = own(hosts);
  return {
    functions: sum(hosts.map((pid) => treeCpuMs(processes, pid))) - host,
    host,
    rest: sum(rest.map((pid) => treeCpuMs(processes, pid))),
    database: treeCpuMs(processes, database),
  };
}

/** CPU time of PostgreSQL alone, by its first process. */
export async function readDatabaseCpuMs(pid: number): Promise<number> {
  return treeCpuMs(await readProcesses(), pid);
}

export function addCpu(one: Cpu, other: Cpu, factor = 1): Cpu {
  return {
    functions: one.functions + factor * other.functions,
    host: one.host + factor * other.host,
    rest: one.rest + factor * other.rest,
    database: one.database + factor * other.database,
  };
}

export function perCall({ functions, host, rest, database }: Cpu, calls: number): Cpu {
  const each = (ms: number) => Math.round((ms / calls) * 100) / 100;
  return { functions: each(functions), host: each(host), rest: each(rest), database: each(database) };
}

/**
 * Of a process and all that it has started. A child that has ended and was waited for counts in its parent, so that
 * connections that are closed meanwhile are not lost.
 */
export function treeCpuMs(processes: readonly ProcessTime[], root: number): number {
  const children = processes.filter(({ parent }) => parent === root);
  const own = processes.find(({ pid }) => pid === root)?.cpuMs ?? 0;
  return own + sum(children.map(({ pid }) => treeCpuMs(processes, pid)));
}

/** A line of `/proc/PID/stat` (proc(5)). */
export function parseStat(stat: string): ProcessTime {
  // After the name in brackets, which may have spaces and brackets: state, parent, and from the 12th on the times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = sum(fields.slice(11, 15).map(Number));
  return { pid: Number.parseInt(stat, 10), parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
}

async function readProcesses(): Promise<ProcessTime[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)),
  );
  // Undefined: it has ended meanwhile.
  return stats.flatMap((stat) => (stat === undefined ? [] : [parseStat(stat)]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
