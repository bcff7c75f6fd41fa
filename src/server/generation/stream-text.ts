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
  /** Time limit of an attempt. */
  attemptTimeoutMs: number;
  /** Time limit between two chunks, and before the first one. */
  idleTimeoutMs: number;
}

export interface StreamedText {
  text: string;
  finishReason: string;
  usage: LanguageModelUsage;
  /** The name that the answering model gives itself. */
  model: string;
}

/**
 * One attempt: asks the model once and reads its stream to the end. Always closes the connection.
 * @throws the signal's reason if it was aborted, else the failure
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
      // We count the attempts: the SDK's own retries do not cover a stream that breaks off.
      maxRetries: 0,
      abortSignal: AbortSignal.any([signal, attempt.signal]),
      // Errors also arrive in the stream; by default, the SDK prints them with the whole prompt.
      onError: () => undefined,
    });
    let text = '';
    let answeredBy = '';
    for await (const part of fullStream) {
      idle.refresh();
      if (part.type === 'text-delta') {
        text += part.text;
        // A UTF-16 unit takes at least one byte: this text cannot be stored, so do not fill the memory with it.
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
