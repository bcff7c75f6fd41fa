import type { ServerEnv } from '../../contracts/env.ts';
import { GenerationFailed, type Generate } from './generate.ts';
import { generateOffline } from './offline.ts';

type GeneratorEnv = Pick<
  ServerEnv,
  'LLM_BASE_URL' | 'LLM_API_KEY' | 'LLM_MODELS' | 'GENERATOR' | 'VERCEL_ENV'
>;

/**
 * The language model's generator if one is configured, else the offline one, which is for demonstration. In production, the
 * offline one must be enabled explicitly, since customers would take its texts for reports.
 */
export function createGenerate(env: GeneratorEnv): Generate {
  const { LLM_BASE_URL: baseUrl, LLM_MODELS: models, LLM_API_KEY: apiKey } = env;
  if (env.GENERATOR === 'offline') return generateOffline;
  const [first, ...others] = models ?? [];
  if (baseUrl === undefined || first === undefined) {
    return env.VERCEL_ENV === 'production' ? refuseToGenerate : generateOffline;
  }
  return async (request, control) => {
    // Loaded on first use: the AI SDK would slow down every function's start and fill its heap.
    const { createModelGenerate } = await import('./language-model.ts');
    return createModelGenerate({ baseUrl, models: [first, ...others], apiKey })(request, control);
  };
}

const refuseToGenerate: Generate = () =>
  Promise.reject(
    new GenerationFailed(
      'No language model is configured. An administrator of the deployment sets LLM_BASE_URL and LLM_MODELS, or GENERATOR=offline for demonstration texts.',
      { retryable: false },
    ),
  );
