import { readdir, readFile } from 'node:fs/promises';
import type { Cpu } from './result.ts';

/** Linux counts a process's time in hundredths of a second. */
const TICK_MS = 10;

interface ProcessTime {
  pid: number;
  parent: number;
  /** Of all its threads and of its ended children. */
  cpuMs: number;
}

/** The processes of a system. Each counts with its descendants. */
export interface SystemProcesses {
  database: number;
  rest: number[];
  /** Hosts of functions, whose children are the functions. */
  hosts: number[];
}

export const NO_CPU: Cpu = { functions: 0, host: 0, rest: 0, database: 0 };

/** CPU time that a system has used so far, in milliseconds. Throws without /proc (Linux only). */
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

/** CPU time of PostgreSQL alone, by the pid of its first process. */
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
 * CPU time of a process and its descendants. Linux adds the time of an ended child to its parent, so closed connections still
 * count.
 */
export function treeCpuMs(processes: readonly ProcessTime[], root: number): number {
  const children = processes.filter(({ parent }) => parent === root);
  const own = processes.find(({ pid }) => pid === root)?.cpuMs ?? 0;
  return own + sum(children.map(({ pid }) => treeCpuMs(processes, pid)));
}

/** A line of `/proc/PID/stat` (proc(5)). */
export function parseStat(stat: string): ProcessTime {
  // The fields after the name in brackets, which may contain spaces and brackets: state, parent, and from the 12th on the
  // times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = sum(fields.slice(11, 15).map(Number));
  return { pid: Number.parseInt(stat, 10), parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
}

async function readProcesses(): Promise<ProcessTime[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)),
  );
  // Undefined: the process has ended since it was listed.
  return stats.flatMap((stat) => (stat === undefined ? [] : [parseStat(stat)]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
