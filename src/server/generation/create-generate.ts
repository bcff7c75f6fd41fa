import type { ServerEnv } from '../../contracts/env.ts';
import type { Generate } from './generate.ts';
import { generateOffline } from './offline.ts';

/** The language model's generator where one is configured, else the one that needs no network. */
export function createGenerate(env: Pick<ServerEnv, 'LLM_BASE_URL' | 'LLM_API_KEY' | 'LLM_MODEL'>): Generate {
  const { LLM_BASE_URL: baseUrl, LLM_MODEL: model, LLM_API_KEY: apiKey } = env;
  if (baseUrl === undefined || model === undefined) return generateOffline;
  return async (request, control) => {
    // Loaded when first used: the AI SDK would slow every function's start and fill its heap.
    const { createModelGenerate } = await import('./language-model.ts');
    return createModelGenerate({ baseUrl, model, apiKey })(request, control);
  };
}
