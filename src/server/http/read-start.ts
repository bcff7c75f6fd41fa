/** The start of an answer, and the error that ended it before its end. */
interface ReadText {
  text: string;
  /** Undefined: it was read to its end, or as far as it was wanted. */
  error: unknown;
}

/** Reads a body piece by piece: what a stream of `fetch` hands out, or made of a stream of Node. */
export interface ChunkReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  /** Ends it before its end, and with it the connection. */
  cancel(): Promise<unknown>;
}

/** An answer whose body is not read yet, such as a `Response`. */
export interface Answered {
  status: number;
  /** Whether the status is 2xx. */
  ok: boolean;
  headers: Headers;
  body: { getReader(): ChunkReader } | null;
}

/** For a request whose answer `readStart` reads. */
export const PLAIN_ANSWER = { 'accept-encoding': 'identity' };

class CompressedAnswer extends Error {
  readonly code = 'COMPRESSED';
}

/**
 * Reads an answer no further than a little over `maxBytes`: that of another system must not fill our memory. Never throws.
 *
 * A compressed answer is not read at all: what decompresses it may make Node's fetch pause the connection, and a server that
 * closes a paused connection ends our process, by an assertion that nobody can catch (nodejs/undici#5360).
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
  // The text is complete: a disorderly end of the connection does not matter.
  await reader?.cancel().catch(() => undefined);
  return { text, error: undefined };
}
