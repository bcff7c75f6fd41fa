/** What an instance of a function has used. */
export interface Usage {
  invocations: number;
  cpuMs: number;
  /** The most that the instance ever had at once. */
  memoryBytes: number;
}

/** Counts what this process uses, beginning with its start. What `take` has answered is not answered again. */
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
