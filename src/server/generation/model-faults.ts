import {
  APICallError,
  EmptyResponseBodyError,
  InvalidResponseDataError,
  JSONParseError,
  TypeValidationError,
} from 'ai';
import { GenerationFailed } from './generate.ts';

/** An attempt took too long, as a whole or between two chunks. */
export class ModelTimeout extends Error {
  override readonly name = 'ModelTimeout';
}

/** The text grew beyond what can be stored. */
export class ResultTooLong extends Error {
  override readonly name = 'ResultTooLong';
}

/** The provider reported an error inside its stream, in any form. */
export class UnknownStreamError extends Error {
  override readonly name = 'UnknownStreamError';

  constructor(reported: unknown) {
    super(typeof reported === 'string' ? reported : JSON.stringify(reported));
  }
}

const UNINTELLIGIBLE = [
  EmptyResponseBodyError,
  InvalidResponseDataError,
  JSONParseError,
  TypeValidationError,
  UnknownStreamError,
];
const MAX_CAUSE_CHARACTERS = 500;

/** What went wrong in one attempt, in words for the report's owner, and whether another attempt may succeed. */
export function toGenerationFailed(error: unknown, apiKey: string | undefined): GenerationFailed {
  if (error instanceof GenerationFailed) return error;
  const { message, retryable } = explain(error);
  return new GenerationFailed(message, { retryable, cause: withoutContent(error, apiKey) });
}

function explain(error: unknown): { message: string; retryable: boolean } {
  if (error instanceof ModelTimeout) {
    return { message: 'The language model did not answer in time.', retryable: true };
  }
  if (error instanceof ResultTooLong) {
    return { message: 'The generated text is too long for a report.', retryable: false };
  }
  if (APICallError.isInstance(error)) return explainStatus(error.statusCode);
  if (UNINTELLIGIBLE.some((fault) => isFault(error, fault))) {
    return { message: 'The answer of the language model is not a report.', retryable: true };
  }
  // undici's message for a connection that is lost while its body is read.
  if (error instanceof TypeError && error.message === 'terminated') {
    return { message: 'The connection to the language model was lost.', retryable: true };
  }
  return { message: 'The report could not be generated.', retryable: false };
}

function isFault(error: unknown, fault: (typeof UNINTELLIGIBLE)[number]): boolean {
  return 'isInstance' in fault ? fault.isInstance(error) : error instanceof fault;
}

function explainStatus(status: number | undefined): { message: string; retryable: boolean } {
  if (status === undefined) {
    return { message: 'The language model could not be reached.', retryable: true };
  }
  if (status < 400) {
    return { message: 'The answer of the language model is not a report.', retryable: true };
  }
  if (status === 401 || status === 403) {
    return { message: 'The language model rejected our credentials.', retryable: false };
  }
  if (status === 404) return { message: 'The language model does not exist.', retryable: false };
  if (status === 429) return { message: 'The language model is overloaded.', retryable: true };
  if (status === 408 || status >= 500) {
    return { message: 'The language model is unavailable.', retryable: true };
  }
  return { message: 'The language model rejected the request.', retryable: false };
}

/** The SDK's errors contain the prompt and the answer, which must not be logged: keeps only their kind. */
function withoutContent(error: unknown, apiKey: string | undefined): Error {
  const cause = new Error(describe(error, apiKey));
  cause.name = 'ModelFault';
  return cause;
}

function describe(error: unknown, apiKey: string | undefined): string {
  if (!(error instanceof Error)) return 'no error object was thrown';
  // These two quote the answer in their message.
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) return error.name;
  const status = APICallError.isInstance(error) && error.statusCode ? ` (status ${error.statusCode})` : '';
  // Some providers repeat the key that they got.
  const message = apiKey ? error.message.replaceAll(apiKey, '[key]') : error.message;
  return `${error.name}${status}: ${message.slice(0, MAX_CAUSE_CHARACTERS)}`;
}
