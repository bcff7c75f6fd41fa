import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { signal } from '../local/processes.ts';
import { round } from './measure.ts';

/** Where a Node process listens for a debugger once it is asked to by SIGUSR1. */
const INSPECTOR = 'http://127.0.0.1:9229/json/list';
const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
const evaluated = z.object({ result: z.object({ result: z.object({ value: z.number() }) }) });

export interface HeapProbe {
  /** `heapUsed` after a collection, in MB (2^20 bytes). */
  read: () => Promise<number>;
  close: () => void;
}

/** Looks into a function's process from outside, through Node's inspector: the function has nothing built in for it. */
export async function openHeapProbe(pid: number): Promise<HeapProbe> {
  signal(pid, 'SIGUSR1');
  const socket = new WebSocket(await findTarget());
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  let id = 0;
  const send = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      const own = ++id;
      const onMessage = ({ data }: MessageEvent) => {
        const message: unknown = JSON.parse(String(data));
        if (typeof message !== 'object' || message === null || !('id' in message) || message.id !== own)
          return;
        socket.removeEventListener('message', onMessage);
        resolve(message);
      };
      socket.addEventListener('message', onMessage);
      socket.send(JSON.stringify({ id: own, method, params }));
    });
  return {
    async read() {
      await send('HeapProfiler.collectGarbage');
      const answer = await send('Runtime.evaluate', { expression: 'process.memoryUsage().heapUsed' });
      return round(evaluated.parse(answer).result.result.value / 2 ** 20);
    },
    close: () => {
      socket.close();
    },
  };
}

async function findTarget(): Promise<string> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      const [target] = targets.parse(await (await fetch(INSPECTOR)).json());
      if (target) return target.webSocketDebuggerUrl;
    } catch {
      // It does not listen yet.
    }
    await sleep(50);
  }
  throw new Error('the function does not open its inspector; is port 9229 in use?');
}
