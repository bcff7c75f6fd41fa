import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

export type ModelBehaviour =
  /** Streams a text of about this many characters, hard to compress, as fast as possible. */
  | { kind: 'write'; characters: number }
  /** Keeps the connection open without answering. */
  | { kind: 'hang' }
  | { kind: 'refuse'; status: number };

export interface Model extends AsyncDisposable {
  /** Value for LLM_BASE_URL. */
  url: string;
  /** Sets the behaviour for new requests; hanging ones keep hanging. */
  behave(behaviour: ModelBehaviour): void;
  /** Number of hanging requests. */
  waiting(): number;
}

const SHORT = { kind: 'write', characters: 200 } as const;

/** A stand-in for a language model, with the streaming protocol of OpenAI's chat completions. */
export async function startModel(): Promise<Model> {
  let behaviour: ModelBehaviour = SHORT;
  let waiting = 0;
  const server = createServer((request, response) => {
    request.resume();
    switch (behaviour.kind) {
      case 'refuse':
        response.writeHead(behaviour.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { message: 'refused', type: 'drill', code: null } }));
        return;
      case 'hang':
        waiting += 1;
        response.once('close', () => {
          waiting -= 1;
        });
        return;
      case 'write': {
        const chunk = (delta: object, finish: string | null) =>
          `data: ${JSON.stringify({
            id: 'c',
            object: 'chat.completion.chunk',
            created: 0,
            model: 'drill',
            choices: [{ index: 0, delta, finish_reason: finish }],
          })}\n\n`;
        const text = randomBytes(behaviour.characters / 2).toString('hex');
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(chunk({ role: 'assistant', content: `# Report\n\n${text}\n` }, null));
        response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
        return;
      }
      default:
        behaviour satisfies never;
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    behave: (how) => {
      behaviour = how;
    },
    waiting: () => waiting,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export { SHORT as SHORT_TEXT };
