import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startService } from '../../../tools/local/start-service.ts';
import { isSlowStartNotice } from '../../../tools/local/slow-start.ts';

function start(
  options: { startMs: number; fails?: boolean },
  limits: { startTimeoutMs?: number; noticeMs?: number },
) {
  const lines: string[] = [];
  const service = startService({
    name: 'the slow service',
    program: new URL('../../support/slow-service.ts', import.meta.url),
    options,
    state: z.object({ url: z.string() }),
    onLine: (line) => lines.push(line),
    ...limits,
  });
  return { lines, service };
}

describe('a service that starts slowly', () => {
  it('is reported with its step and the load of the machine, and starts', async () => {
    const { lines, service } = start({ startMs: 1500 }, { noticeMs: 600 });
    const running = await service;
    expect(running.state()).toEqual({ url: 'here' });
    await running.stop();
    const notices = lines.filter(isSlowStartNotice);
    expect(notices.length).toBeGreaterThan(0);
    expect(notices.at(-1)).toMatch(
      /^still starting: the slow service \(\d+ s; 3 of 4 run, waiting for the last; the load of this machine is [\d.]+ on \d+ processors\)$/,
    );
    const { length } = lines;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(lines).toHaveLength(length);
  });

  it('is ended after its time, and the error says what was slow', async () => {
    const { service } = start({ startMs: 60_000 }, { startTimeoutMs: 3_000 });
    await expect(service).rejects.toThrow(
      /^Starting the slow service took more than 3 s, and was ended\. The last that it told: 3 of 4 run, waiting for the last\. Now the load of this machine is [\d.]+ on \d+ processors: start again when it is less busy\.$/,
    );
  });

  it('tells the reason where it fails', async () => {
    const { service } = start({ startMs: 10, fails: true }, {});
    await expect(service).rejects.toThrow('the port is taken');
  });
});
