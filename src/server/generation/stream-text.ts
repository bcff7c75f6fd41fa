import { streamText, type LanguageModel, type LanguageModelUsage } from 'ai';
import { MAX_RESULT_BYTES } from '../../contracts/constants.ts';
import { ModelTimeout, ResultTooLong, UnknownStreamError } from './model-faults.ts';

interface ModelCall {
  model: LanguageModel;
  system: string | null;
  prompt: string;
  temperature: number | null;
  maxTokens: number | null;
}

export interface AttemptLimits {
  /** One attempt ends after this long. */
  attemptTimeoutMs: number;
  /** It ends as well when the model has been silent for this long, also before its first word. */
  idleTimeoutMs: number;
}

export interface StreamedText {
  text: string;
  finishReason: string;
  usage: LanguageModelUsage;
  /** The model that answered, by its own word. */
  model: string;
}

/**
 * One attempt: asks the model once and reads its stream to the end. The connection is closed however it ends.
 * @throws the signal's reason when it was aborted, else what went wrong.
 */
export async function streamOnce(
  call: ModelCall,
  limits: AttemptLimits,
  signal: AbortSignal,
  onText: (characters: number) => void,
): Promise<StreamedText> {
  signal.throwIfAborted();
  const attempt = new AbortController();
  const giveUp = () => attempt.abort(new ModelTimeout());
  const total = setTimeout(giveUp, limits.attemptTimeoutMs);
  const idle = setTimeout(giveUp, limits.idleTimeoutMs);
  try {
    const { fullStream } = streamText({
      model: call.model,
      ...(call.system !== null && { system: call.system }),
      prompt: call.prompt,
      ...(call.temperature !== null && { temperature: call.temperature }),
      ...(call.maxTokens !== null && { maxOutputTokens: call.maxTokens }),
      // Attempts are counted in one place, ours: the SDK's retries do not cover a stream that breaks off.
      maxRetries: 0,
      abortSignal: AbortSignal.any([signal, attempt.signal]),
      // Errors come through the stream as well; the default prints them, with the whole prompt.
      onError: () => undefined,
    });
    let text = '';
    let answeredBy = '';
    for await (const part of fullStream) {
      idle.refresh();
      if (part.type === 'text-delta') {
        text += part.text;
        // A UTF-16 unit takes at least one byte, so this can never be stored: do not fill the memory with it.
        if (text.length > MAX_RESULT_BYTES) throw new ResultTooLong();
        onText(text.length);
      } else if (part.type === 'finish-step') {
        answeredBy = part.response.modelId;
      } else if (part.type === 'finish') {
        return { text, finishReason: part.finishReason, usage: part.totalUsage, model: answeredBy };
      } else if (part.type === 'error') {
        throw part.error instanceof Error ? part.error : new UnknownStreamError(part.error);
      } else if (part.type === 'abort') {
        break;
      }
    }
    throw new UnknownStreamError('the stream ended without a finish');
  } catch (error) {
    signal.throwIfAborted();
    attempt.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(total);
    clearTimeout(idle);
    attempt.abort();
  }
}
