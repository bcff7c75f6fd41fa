import { cpus, loadavg } from 'node:os';

/** What figures were measured on. `loadBefore`: what else the machine was doing. */
export function machine(): { cores: number; cpu: string; node: string; loadBefore: number } {
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model.trim() || 'unknown',
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** In one line, before the figures. */
export function describeMachine({
  cores,
  cpu,
  node,
  postgres,
  loadBefore,
}: ReturnType<typeof machine> & { postgres?: string }): string {
  const versions = [`Node ${node}`, ...(postgres === undefined ? [] : [`PostgreSQL ${postgres}`])];
  return `${cores} cores (${cpu}), ${versions.join(', ')}, load ${loadBefore.toFixed(1)} before`;
}
