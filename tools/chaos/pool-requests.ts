/** Ends a statement that was sent in parts, and one that was sent whole. */
const SYNC = 'S'.charCodeAt(0);
const QUERY = 'Q'.charCodeAt(0);
/** Log-in, and farewell. */
const PASSWORD = 'p'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);

/**
 * Cuts what a client of PostgreSQL sends (protocol 3.0, unencrypted) into statements: everything up to the message that asks for
 * the answer.
 */
export function createRequests(to: { onRequest: (bytes: Buffer) => void; onOther: (bytes: Buffer) => void }) {
  let rest = Buffer.alloc(0);
  let isStarted = false;
  let request: Buffer[] = [];

  /** The first message has no type before its length. */
  function take(): Buffer | undefined {
    const typeBytes = isStarted ? 1 : 0;
    if (rest.length < typeBytes + 4) return undefined;
    const length = typeBytes + rest.readInt32BE(typeBytes);
    if (rest.length < length) return undefined;
    const message = rest.subarray(0, length);
    rest = rest.subarray(length);
    return message;
  }

  return {
    add(bytes: Buffer): void {
      rest = Buffer.concat([rest, bytes]);
      for (let message = take(); message !== undefined; message = take()) {
        const type = isStarted ? message[0] : undefined;
        isStarted = true;
        if (type === undefined || type === PASSWORD || type === TERMINATE) {
          to.onOther(message);
          continue;
        }
        request.push(message);
        if (type !== SYNC && type !== QUERY) continue;
        to.onRequest(Buffer.concat(request));
        request = [];
      }
    },
  };
}
