/**
 * Milliseconds of CPU time that the work takes. Use it only to catch superlinear costs, with an input for which those are
 * many seconds: other tests of this process may run meanwhile, and the machine may be busy.
 */
export async function cpuMsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** More than any linear cost here, and far less than the superlinear ones. */
export const MOST_CPU_MS = 900;
