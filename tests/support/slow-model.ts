import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SlowModel extends AsyncDisposable {
  /** For LLM_BASE_URL. */
  url: string;
  /** Number of complete answers so far. */
  finished(): number;
}

/**
 * A slow language model, so that jobs can be killed while it writes: it takes a quarter of a second to two seconds, or five times
 * the given step.
 */
export async function startLanguageModel(fixedStepMs?: number): Promise<SlowModel> {
  let begun = 0;
  let finished = 0;
  const server = createServer((request, response) => {
    request.resume();
    const stepMs = fixedStepMs ?? 50 * (1 + (begun % 8));
    begun += 1;
    void (async () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const chunk = (delta: object, finish: string | null) =>
        `data: ${JSON.stringify({
          id: 'c',
          object: 'chat.completion.chunk',
          created: 0,
          model: 'slow',
          choices: [{ index: 0, delta, finish_reason: finish }],
        })}\n\n`;
      for (let part = 0; part < 5; part += 1) {
        response.write(chunk({ role: 'assistant', content: `# Part ${part} of answer ${begun}\n\n` }, null));
        await sleep(stepMs);
      }
      response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
      finished += 1;
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    finished: () => finished,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
