import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const chatRequest = z.looseObject({
  model: z.string(),
  stream: z.literal(true),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  temperature: z.number().optional(),
  max_tokens: z.number().optional(),
});

/** What the server does with one request; the last one told is repeated. */
type LlmAnswer =
  | {
      kind: 'text';
      chunks: readonly string[];
      finishReason?: string;
      /** Pause before each chunk. */
      delayMs?: number;
      model?: string;
    }
  /** Sends the chunks, then drops the connection. */
  | { kind: 'cut'; chunks: readonly string[] }
  /** Sends the chunks, then ends the stream in order, but without a finish reason. */
  | { kind: 'unfinished'; chunks: readonly string[] }
  /** Sends the chunks, then nothing, with the connection open. */
  | { kind: 'hang'; chunks: readonly string[] }
  | { kind: 'status'; status: number; message?: string; headers?: Readonly<Record<string, string>> }
  /** Answers 200 with this body, whatever it is. */
  | { kind: 'raw'; contentType: string; body: string };

interface LlmRequest {
  path: string;
  authorization: string | undefined;
  body: z.infer<typeof chatRequest>;
  receivedAtMs: number;
}

export interface LlmServer {
  baseUrl: string;
  requests: LlmRequest[];
  /** How many connections clients have closed before their answer was complete. */
  aborted: number;
  answer(...answers: LlmAnswer[]): void;
  stop(): Promise<void>;
}

/** A server that speaks the streaming protocol of OpenAI's chat completions, and fails as it is told. */
export async function startLlmServer(): Promise<LlmServer> {
  let queue: LlmAnswer[] = [];
  const server = createServer((request, response) => {
    const [next = { kind: 'status', status: 500 } as const, ...rest] = queue;
    if (rest.length > 0) queue = rest;
    response.on('close', () => {
      if (!response.writableFinished) llm.aborted += 1;
    });
    serve(request, response, next).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  const llm: LlmServer = {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    requests: [],
    aborted: 0,
    answer(...answers) {
      queue = answers;
      llm.requests.length = 0;
      llm.aborted = 0;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse, answer: LlmAnswer): Promise<void> {
    const receivedAtMs = performance.now();
    const body = chatRequest.parse(await json(request));
    const { authorization } = request.headers;
    llm.requests.push({ path: request.url ?? '', authorization, body, receivedAtMs });
    await respond(response, answer, body.model);
  }

  return llm;
}

async function respond(response: ServerResponse, answer: LlmAnswer, model: string): Promise<void> {
  switch (answer.kind) {
    case 'status':
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(JSON.stringify({ error: { message: answer.message ?? 'no', type: 'test', code: null } }));
      return;
    case 'raw':
      response.writeHead(200, { 'content-type': answer.contentType });
      response.end(answer.body);
      return;
    case 'text': {
      const named = answer.model ?? model;
      await stream(response, answer.chunks, named, answer.delayMs ?? 0);
      response.write(event(named, {}, answer.finishReason ?? 'stop'));
      const usage = { prompt_tokens: 120, completion_tokens: 80, total_tokens: 200 };
      response.write(`data: ${JSON.stringify({ ...envelope(named), choices: [], usage })}\n\n`);
      response.end('data: [DONE]\n\n');
      return;
    }
    case 'cut':
      await stream(response, answer.chunks, model, 0);
      // The bytes must be on their way before the connection goes.
      await sleep(20);
      response.destroy();
      return;
    case 'unfinished':
      await stream(response, answer.chunks, model, 0);
      response.end();
      return;
    case 'hang':
      await stream(response, answer.chunks, model, 0);
      return;
  }
}

async function stream(
  response: ServerResponse,
  chunks: readonly string[],
  model: string,
  delayMs: number,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  for (const content of chunks) {
    if (delayMs > 0) await sleep(delayMs);
    response.write(event(model, { role: 'assistant', content }, null));
  }
}

function envelope(model: string) {
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model };
}

function event(model: string, delta: Record<string, string>, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ ...envelope(model), choices })}\n\n`;
}
