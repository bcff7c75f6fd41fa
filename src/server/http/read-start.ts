/** The beginning of an answer, and the error that cut it off. */
interface ReadText {
  text: string;
  /** Undefined: the answer was read to its end, or to the limit. */
  error: unknown;
}

/** Reads a body chunk by chunk: a `fetch` stream's reader, or one made from a Node stream. */
export interface ChunkReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  /** Cancels the body, which ends the connection. */
  cancel(): Promise<unknown>;
}

/** An answer with an unread body, such as a `Response`. */
export interface Answered {
  status: number;
  /** Whether the status is 2xx. */
  ok: boolean;
  headers: Headers;
  body: { getReader(): ChunkReader } | null;
}

/** Headers for a request whose answer `readStart` reads. */
export const PLAIN_ANSWER = { 'accept-encoding': 'identity' };

class CompressedAnswer extends Error {
  readonly code = 'COMPRESSED';
}

/**
 * Reads an answer up to a little over `maxBytes`, since another system's answer must not fill the memory. Never throws.
 *
 * A compressed answer is not read at all: decompressing may make Node's fetch pause the connection, and if the server closes
 * a paused connection, our process ends by an assertion that cannot be caught (nodejs/undici#5360).
 */
export async function readStart(
  answer: Pick<Answered, 'headers' | 'body'>,
  maxBytes: number,
): Promise<ReadText> {
  const encoding = answer.headers.get('content-encoding') ?? 'identity';
  const reader = answer.body?.getReader();
  if (encoding.trim().toLowerCase() !== 'identity') {
    await reader?.cancel().catch(() => undefined);
    return { text: '', error: new CompressedAnswer() };
  }
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done || value === undefined) return { text: text + decoder.decode(), error: undefined };
      text += decoder.decode(value, { stream: true });
      bytes += value.byteLength;
      if (bytes > maxBytes) break;
    }
  } catch (error) {
    return { text, error: error ?? new Error('the answer is incomplete') };
  }
  // The text is complete: an unclean end of the connection does not matter.
  await reader?.cancel().catch(() => undefined);
  return { text, error: undefined };
}
