import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  GenerationFailed,
  type GenerationProgress,
  type GenerationRequest,
} from '../../src/server/generation/generate.ts';
import { createGenerate } from '../../src/server/generation/create-generate.ts';
import {
  createModelGenerate,
  type ModelGeneratorConfig,
} from '../../src/server/generation/language-model.ts';
import { startLlmServer, type LlmServer } from '../support/llm-server.ts';

const API_KEY = 'sk-test-7c1e8a40d2';
const REPORT = '# Report\n\n## Conclusions\n\nAll is well.\n\n## Plan\n\nNone.';

let llm: LlmServer;
beforeAll(async () => {
  llm = await startLlmServer();
});
afterAll(() => llm.stop());

const request: GenerationRequest = {
  reportType: 'org',
  stage: 'prelim',
  prompt: 'Analyse this organisation.',
  model: null,
  temperature: null,
  maxTokens: null,
  userData: { organisation_name: 'Nordlicht' },
  previousReport: null,
  summary: null,
};

function generator(overrides: Partial<ModelGeneratorConfig> = {}) {
  return createModelGenerate({
    baseUrl: llm.baseUrl,
    apiKey: API_KEY,
    models: ['test-model', 'other-model'],
    attemptTimeoutMs: 5_000,
    idleTimeoutMs: 2_000,
    backoffMs: 5,
    maxBackoffMs: 10,
    ...overrides,
  });
}

function control() {
  const progress: GenerationProgress[] = [];
  const controller = new AbortController();
  return {
    progress,
    controller,
    signal: controller.signal,
    onProgress: (step: GenerationProgress) => void progress.push(step),
  };
}

async function failure(promise: Promise<unknown>): Promise<GenerationFailed> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GenerationFailed)) throw error;
  return error;
}

describe('a language model that answers', () => {
  it('is streamed, with its usage in the metadata', async () => {
    llm.answer({ kind: 'text', chunks: REPORT.split(/(?<= )/), model: 'test-model-2026' });
    const generated = await generator()(request, control());
    expect(generated).toEqual({
      text: REPORT,
      finalData: null,
      metadata: {
        generator: 'language-model',
        model: 'test-model-2026',
        finish_reason: 'stop',
        truncated: false,
        input_shortened: false,
        usage: { input_tokens: 120, output_tokens: 80, total_tokens: 200 },
        attempts: 1,
        duration_ms: expect.any(Number) as number,
      },
    });
    expect(llm.requests).toHaveLength(1);
    expect(llm.requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      authorization: `Bearer ${API_KEY}`,
      body: { model: 'test-model', messages: [{ role: 'system' }, { role: 'user' }] },
    });
  });

  it("is told the job's model, temperature and token limit", async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    await generator()({ ...request, model: 'other-model', temperature: 0, maxTokens: 500 }, control());
    expect(llm.requests[0]?.body).toMatchObject({ model: 'other-model', temperature: 0, max_tokens: 500 });
  });

  it('moves the progress while it writes, never back, and not to the end', async () => {
    const chunks = Array.from({ length: 40 }, () => 'Words. '.repeat(30));
    llm.answer({ kind: 'text', chunks, delayMs: 1 });
    const { progress, ...rest } = control();
    await generator()(request, rest);
    const percents = progress.map(({ percent }) => percent);
    expect(percents.length).toBeGreaterThan(10);
    expect(percents).toEqual([...new Set(percents)].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(95);
    expect(progress[0]?.etaSeconds).toBeGreaterThanOrEqual(1);
  });

  it('lists the sections of a final', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    const generated = await generator()({ ...request, stage: 'final' }, control());
    expect(generated.finalData).toEqual({ sections: ['Conclusions', 'Plan'] });
  });

  it('may stop at its token limit: the text is kept, and the metadata says so', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT], finishReason: 'length' });
    const { text, metadata } = await generator()(request, control());
    expect(text).toBe(REPORT);
    expect(metadata).toMatchObject({ truncated: true, finish_reason: 'length' });
  });

  it('may think aloud first: its thoughts are no part of the report', async () => {
    llm.answer({ kind: 'text', chunks: ['<think>Hm', 'm.</think>\n', REPORT] });
    expect((await generator()(request, control())).text).toBe(REPORT);
  });

  it('is the default one for a job that names a model which is not offered', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    await generator()({ ...request, model: 'dearest-model' }, control());
    expect(llm.requests[0]?.body).toMatchObject({ model: 'test-model' });
  });

  it('is told the prompt of a job without a report, and nothing else', async () => {
    llm.answer({ kind: 'text', chunks: ['{"nodes": []}'] });
    const asked = { prompt: 'A starmap, as JSON.', model: null, temperature: null, maxTokens: null };
    const { text, finalData } = await generator()({ ...asked, reportType: null, stage: null }, control());
    expect(llm.requests[0]?.body.messages).toEqual([{ role: 'user', content: 'A starmap, as JSON.' }]);
    expect({ text, finalData }).toEqual({ text: '{"nodes": []}', finalData: null });
  });

  it('is chosen where LLM_BASE_URL is set', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    const generate = createGenerate({
      LLM_BASE_URL: llm.baseUrl,
      LLM_MODELS: ['from-env', 'other'],
      LLM_API_KEY: API_KEY,
    });
    const { metadata } = await generate(request, control());
    expect(metadata).toMatchObject({ generator: 'language-model', model: 'from-env' });
  });

  it('gets no credentials where there is no key', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    await generator({ apiKey: undefined })(request, control());
    expect(llm.requests[0]?.authorization).toBeUndefined();
  });
});

describe('a language model that fails for a while', () => {
  it.each([429, 500, 502, 503])('is asked again after a %d', async (status) => {
    llm.answer({ kind: 'status', status }, { kind: 'text', chunks: [REPORT] });
    const { text, metadata } = await generator()(request, control());
    expect(text).toBe(REPORT);
    expect(metadata).toMatchObject({ attempts: 2 });
  });

  it.each(['cut', 'unfinished'] as const)('starts anew after a stream that was %s', async (kind) => {
    llm.answer(
      { kind, chunks: ['# Rep', 'x'.repeat(3_000)] },
      { kind: 'text', chunks: [REPORT, 'y'.repeat(6_000)] },
    );
    const { progress, ...rest } = control();
    const { text, metadata } = await generator()(request, rest);
    expect(text).toBe(`${REPORT}${'y'.repeat(6_000)}`);
    expect(metadata).toMatchObject({ attempts: 2 });
    const percents = progress.map(({ percent }) => percent);
    expect(percents[0]).toBeGreaterThan(40);
    expect(percents).toEqual([...new Set(percents)].sort((a, b) => a - b));
  });

  it('is given the time it asks for', async () => {
    llm.answer(
      { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
      { kind: 'text', chunks: [REPORT] },
    );
    await generator()(request, control());
    const [first, second] = llm.requests.map(({ receivedAtMs }) => receivedAtMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(950);
  });

  it('is not asked again when it asks for more time than there is', async () => {
    llm.answer({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    expect((await failure(generator()(request, control()))).retryable).toBe(true);
    expect(llm.requests).toHaveLength(1);
  });

  it('may be silent once', async () => {
    llm.answer({ kind: 'hang', chunks: ['# Rep'] }, { kind: 'text', chunks: [REPORT] });
    const { metadata } = await generator({ idleTimeoutMs: 100 })(request, control());
    expect(metadata).toMatchObject({ attempts: 2 });
    expect(llm.aborted).toBe(1);
  });
});

describe('a language model that fails for good', () => {
  it('is asked three times, no more', async () => {
    llm.answer({ kind: 'status', status: 500 });
    const error = await failure(generator()(request, control()));
    expect(error).toMatchObject({ message: 'The language model is unavailable.', retryable: true });
    expect(llm.requests).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 422])('is not asked again after a %d', async (status) => {
    llm.answer({ kind: 'status', status });
    expect((await failure(generator()(request, control()))).retryable).toBe(false);
    expect(llm.requests).toHaveLength(1);
  });

  it('never brings the key, the prompt or the address into an error', async () => {
    llm.answer({ kind: 'status', status: 401, message: `Incorrect API key: ${API_KEY}` });
    const error = await failure(generator()(request, control()));
    expect(error.message).toBe('The language model rejected our credentials.');
    const logged = inspect(error, { depth: 10 });
    expect(logged).toContain('status 401');
    for (const secret of [API_KEY, 'Nordlicht', request.prompt, llm.baseUrl]) {
      expect(logged).not.toContain(secret);
    }
  });

  it.each([
    ['a page', { kind: 'raw', contentType: 'text/html', body: '<h1>Welcome</h1>' }],
    ['an empty body', { kind: 'raw', contentType: 'text/event-stream', body: '' }],
    ['no JSON', { kind: 'raw', contentType: 'text/event-stream', body: 'data: {"choi\n\n' }],
    ['other JSON', { kind: 'raw', contentType: 'text/event-stream', body: 'data: [1, 2]\n\n' }],
    [
      'an error',
      { kind: 'raw', contentType: 'text/event-stream', body: 'data: {"error":{"message":"no"}}\n\n' },
    ],
  ] as const)('fails when it answers with %s', async (_, answer) => {
    llm.answer(answer);
    const error = await failure(generator()(request, control()));
    expect(error.message).toBe('The answer of the language model is not a report.');
    expect(llm.requests).toHaveLength(3);
  });

  it.each([[[]], [[' \n']], [['<think>only thoughts</think>']]])(
    'fails when its text is %j',
    async (chunks) => {
      llm.answer({ kind: 'text', chunks });
      const error = await failure(generator()(request, control()));
      expect(error.message).toBe('The language model answered with an empty text.');
      expect(llm.requests).toHaveLength(3);
    },
  );

  it('fails at once when its tokens are used up before the first word', async () => {
    llm.answer({ kind: 'text', chunks: [], finishReason: 'length' });
    expect((await failure(generator()(request, control()))).retryable).toBe(false);
    expect(llm.requests).toHaveLength(1);
  });

  it('fails when it declines', async () => {
    llm.answer({ kind: 'text', chunks: ['I cannot'], finishReason: 'content_filter' });
    expect((await failure(generator()(request, control()))).message).toMatch(/declined/);
  });

  it('fails when it writes without end', async () => {
    llm.answer({ kind: 'text', chunks: Array.from({ length: 20 }, () => 'z'.repeat(50_000)) });
    const error = await failure(generator()(request, control()));
    expect(error.message).toMatch(/too long for a report/);
    expect(llm.requests).toHaveLength(1);
  });

  it.each([{ idleTimeoutMs: 50 }, { attemptTimeoutMs: 50 }])(
    'fails when it stays silent: %j',
    async (limit) => {
      llm.answer({ kind: 'hang', chunks: [] });
      const error = await failure(generator({ ...limit, maxAttempts: 2 })(request, control()));
      expect(error.message).toBe('The language model did not answer in time.');
      expect(llm.requests).toHaveLength(2);
    },
  );

  it('fails when nobody listens', async () => {
    const gone = await startLlmServer();
    await gone.stop();
    const error = await failure(generator({ baseUrl: gone.baseUrl })(request, control()));
    expect(error).toMatchObject({ message: 'The language model could not be reached.', retryable: true });
  });
});

describe('a cancelled generation', () => {
  const reason = new Error('cancelled by its owner');

  async function cancelAfter(milliseconds: number, overrides: Partial<ModelGeneratorConfig> = {}) {
    const { controller, ...rest } = control();
    const timer = setTimeout(() => controller.abort(reason), milliseconds);
    onTestFinished(() => clearTimeout(timer));
    await expect(generator(overrides)(request, rest)).rejects.toBe(reason);
  }

  it('ends at once while the model writes, and closes the connection', async () => {
    llm.answer({ kind: 'text', chunks: Array.from({ length: 1_000 }, () => 'word '), delayMs: 10 });
    const startedAt = performance.now();
    await cancelAfter(100);
    expect(performance.now() - startedAt).toBeLessThan(400);
    await expect.poll(() => llm.aborted).toBe(1);
    expect(llm.requests).toHaveLength(1);
  });

  it('ends at once while the model is silent', async () => {
    llm.answer({ kind: 'hang', chunks: [] });
    await cancelAfter(50);
  });

  it('ends at once between two attempts', async () => {
    llm.answer({ kind: 'status', status: 503 });
    await cancelAfter(100, { backoffMs: 60_000, maxBackoffMs: 60_000, random: () => 1 });
    expect(llm.requests).toHaveLength(1);
  });

  it('does not begin when it was cancelled before', async () => {
    llm.answer({ kind: 'text', chunks: [REPORT] });
    await expect(
      generator()(request, { signal: AbortSignal.abort(reason), onProgress: () => undefined }),
    ).rejects.toBe(reason);
    expect(llm.requests).toHaveLength(0);
  });
});
