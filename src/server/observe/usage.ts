/** What an instance of a function has used. */
export interface Usage {
  invocations: number;
  cpuMs: number;
  /** The instance's highest memory so far. */
  memoryBytes: number;
}

/** Measures what this process uses, from its start. `take` returns what was used since its last call. */
export function createUsageMeter(): { count: () => void; take: () => Usage } {
  let invocations = 0;
  let takenMs = 0;
  return {
    count: () => {
      invocations += 1;
    },
    take: () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      const usedMs = Math.round((userCPUTime + systemCPUTime) / 1000);
      const usage = { invocations, cpuMs: usedMs - takenMs, memoryBytes: maxRSS * 1024 };
      invocations = 0;
      takenMs = usedMs;
      return usage;
    },
  };
}
