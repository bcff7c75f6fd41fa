import { setTimeout as sleep } from 'node:timers/promises';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelUsage } from 'ai';
import type { Json } from '../../contracts/text.ts';
import type { Stage } from '../../contracts/webhooks.ts';
import { stopwatch, systemClock, type Clock } from '../clock.ts';
import { GenerationFailed, type Generate, type Generated, type GenerationRequest } from './generate.ts';
import { toGenerationFailed } from './model-faults.ts';
import { outline } from './outline.ts';
import { CharacterProgress } from './progress.ts';
import { buildPrompt } from './prompt.ts';
import { retryDelayMs, type RetryPolicy } from './retry-delay.ts';
import { streamOnce, type AttemptLimits, type StreamedText } from './stream-text.ts';

export interface ModelGeneratorConfig extends Partial<AttemptLimits & RetryPolicy> {
  /** Base URL of an OpenAI-compatible API, without `/chat/completions`. */
  baseUrl: string;
  apiKey: string | undefined;
  /** The models that a job may choose; the first is used if a job names none of them. */
  models: readonly [string, ...string[]];
  random?: () => number;
  clock?: Clock;
}

// With the idle time-out, three attempts at a dead provider end within the 200 seconds of a job's deadline.
const DEFAULTS = {
  attemptTimeoutMs: 200_000,
  idleTimeoutMs: 60_000,
  maxAttempts: 3,
  backoffMs: 1_000,
  maxBackoffMs: 8_000,
  maxRetryAfterMs: 60_000,
  random: Math.random,
  clock: systemClock,
};

const EXPECTED_CHARACTERS: Readonly<Record<Stage, number>> = { prelim: 6_000, final: 9_000 };
const CHARACTERS_PER_TOKEN = 4;

/** Finish reasons that leave a usable report, possibly cut off (`length`). */
const USABLE_FINISH_REASONS: ReadonlySet<string> = new Set(['stop', 'length', 'other']);

/** A generator that asks a language model, retries where that may help, and streams the answer. */
export function createModelGenerate(config: ModelGeneratorConfig): Generate {
  const { random, clock, ...policy } = { ...DEFAULTS, ...config };
  const provider = createOpenAICompatible({
    name: 'llm',
    baseURL: config.baseUrl,
    includeUsage: true,
    ...(config.apiKey !== undefined && { apiKey: config.apiKey }),
  });

  return async (request, { signal, onProgress }) => {
    const elapsed = stopwatch(clock.monotonicNow);
    const modelId = config.models.find((name) => name === request.model) ?? config.models[0];
    const { system, prompt, shortened } = buildPrompt(request);
    const { temperature, maxTokens } = request;
    const call = { model: provider.chatModel(modelId), system, prompt, temperature, maxTokens };
    const progress = new CharacterProgress(expectedCharacters(request), onProgress, clock.monotonicNow);

    for (let attempt = 1; ; attempt += 1) {
      try {
        progress.restart();
        const answer = await streamOnce(call, policy, signal, (count) => progress.update(count));
        return toGenerated(request, reportOf(answer), {
          generator: 'language-model',
          model: answer.model || modelId,
          finish_reason: answer.finishReason,
          truncated: answer.finishReason === 'length',
          input_shortened: shortened,
          usage: usageOf(answer.usage),
          attempts: attempt,
          duration_ms: elapsed(),
        });
      } catch (error) {
        signal.throwIfAborted();
        const failure = toGenerationFailed(error, config.apiKey);
        if (!failure.retryable || attempt >= policy.maxAttempts) throw failure;
        const delayMs = retryDelayMs(error, attempt, policy, { random, now: clock.now });
        if (delayMs === null) throw failure;
        await pause(delayMs, signal);
      }
    }
  };
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch {
    // The timer rejects with an error of its own, but callers expect the signal's reason.
    signal.throwIfAborted();
  }
}

function expectedCharacters({ stage, maxTokens }: GenerationRequest): number {
  const usual = EXPECTED_CHARACTERS[stage ?? 'prelim'];
  return maxTokens === null ? usual : Math.min(usual, maxTokens * CHARACTERS_PER_TOKEN);
}

/** The report in the model's answer. Some models write their reasoning in front of it. */
function reportOf({ text, finishReason }: StreamedText): string {
  if (!USABLE_FINISH_REASONS.has(finishReason)) {
    throw new GenerationFailed('The language model declined to answer this request.', { retryable: false });
  }
  const report = text.replace(/^\s*<think>.*?<\/think>/s, '').trim();
  if (report === '') {
    const message = 'The language model answered with an empty text.';
    // A retry would not help: the reasoning would use up the tokens again.
    throw new GenerationFailed(message, { retryable: finishReason !== 'length' });
  }
  return report;
}

function toGenerated(request: GenerationRequest, text: string, metadata: Record<string, Json>): Generated {
  return { text, metadata, finalData: request.stage === 'final' ? { sections: outline(text) } : null };
}

function usageOf(usage: LanguageModelUsage): Json {
  return {
    input_tokens: usage.inputTokens ?? null,
    output_tokens: usage.outputTokens ?? null,
    total_tokens: usage.totalTokens ?? null,
  };
}
