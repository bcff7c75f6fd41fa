import type { Handler } from './endpoint.ts';

/** Lets a function look after the alerts once it has answered: `createWatch`. It is told also of failed requests. */
export function watched(handle: Handler, afterAnswer: () => void): Handler {
  return async (request) => {
    try {
      return await handle(request);
    } finally {
      afterAnswer();
    }
  };
}
