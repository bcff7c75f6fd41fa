import type { Handler } from './endpoint.ts';

/** Adds the watch of alerts (`createWatch`) after each answer of a function, failed requests included. */
export function watched(handle: Handler, afterAnswer: () => void): Handler {
  return async (request) => {
    try {
      return await handle(request);
    } finally {
      afterAnswer();
    }
  };
}
