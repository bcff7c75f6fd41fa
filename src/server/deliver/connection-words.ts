/**
 * Messages for connection failures, in our own words: an error's message may contain an address with a password, a header
 * with a secret, or another system's text. The error's code is appended for look-up.
 */
type Words = Readonly<Record<string, string>>;

/** We ended the call before anything was sent. The message is ours, so it can be shown. */
export class NeverSent extends Error {
  override name = 'NeverSent';
}

const NOT_HTTP = 'the answer is not HTTP';
const UNKNOWN_AUTHORITY = 'the certificate authority is not trusted here';

/** No connection was made. Codes of the system, of Node's DNS and TLS, and of undici, which is Node's fetch. */
const NOT_CONNECTED: Words = {
  ENOTFOUND: 'the host name is unknown',
  ENODATA: 'the host name has no address',
  EAI_AGAIN: 'the DNS server did not answer',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset while connecting',
  ETIMEDOUT: 'no connection was made in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection was made in time',
  EHOSTUNREACH: 'the host cannot be reached',
  EHOSTDOWN: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENETDOWN: 'the network cannot be reached',
  EADDRNOTAVAIL: 'this machine has no free address or port for the connection',
  EMFILE: 'this process has too many files and connections open',
  ENFILE: 'this machine has too many files and connections open',
  EACCES: 'this machine does not allow the connection',
  EPERM: 'this machine does not allow the connection',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
  HOSTNAME_MISMATCH: 'the certificate is for another host name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNKNOWN_AUTHORITY}, or the host does not send its intermediate certificates`,
  CERT_UNTRUSTED: 'the certificate was refused',
  CERT_REJECTED: 'the certificate was refused',
  CERT_SIGNATURE_FAILURE: 'the certificate was refused',
  CERT_CHAIN_TOO_LONG: 'the certificate was refused',
  INVALID_CA: 'the certificate was refused',
  INVALID_PURPOSE: 'the certificate was refused',
  PATH_LENGTH_EXCEEDED: 'the certificate was refused',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the host does not speak TLS at this port',
  EPROTO: 'no TLS connection could be agreed on',
  ERR_SSL_: 'no TLS connection could be agreed on',
  ERR_TLS_: 'no TLS connection could be agreed on',
  EAI_: 'the host name could not be looked up',
};

/** Part of the request may have been sent, and no complete answer arrived. */
const LOST: Words = {
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
  ETIMEDOUT: 'the other side stopped responding',
  UND_ERR_SOCKET: 'the connection was closed',
  UND_ERR_HEADERS_TIMEOUT: 'timed out',
  UND_ERR_BODY_TIMEOUT: 'timed out',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer does not match its Content-Length',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the answer is too large',
  ERR_ASSERTION: NOT_HTTP,
  COMPRESSED: 'the answer is compressed, though the request did not allow it',
  ERR_SSL_: 'the other side ended the TLS connection',
};

/** Errors of undici without a distinctive code (some builds of its parser omit it), by name and message. */
const UNCODED: readonly (readonly [RegExp, string])[] = [
  [/^HTTPParserError: /, NOT_HTTP],
  [/^SocketError: bad response$/, NOT_HTTP],
  [/^SocketError: bad upgrade$/, 'the other side asked for another protocol'],
];

/** Errors of requests that fetch rejects before it connects. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/includes credentials/, 'the address contains a user name or a password'],
  [/^bad port$/, 'fetch blocks the port of the address'],
  [/^unknown scheme$|not implemented/, 'the address begins with neither https: nor http:'],
  [/^Invalid URL$|^Failed to parse URL/, 'the address is malformed'],
  [/is an invalid header/, 'a header has invalid characters'],
];

/** Why fetch rejected the request; undefined if it did not. */
export function refusalOf(error: unknown): string | undefined {
  if (error instanceof NeverSent) return error.message;
  const messages = [error, causeOf(error)].flatMap((each) => (each instanceof Error ? [each.message] : []));
  return REFUSED.find(([form]) => messages.some((message) => form.test(message)))?.[1];
}

/** Whether the code alone proves that no connection was made: an open connection never ends with these codes. */
export function neverConnects(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && find(NOT_CONNECTED, code) !== undefined && find(LOST, code) === undefined;
}

/** Why no connection was made. */
export function whyNotConnected(error: unknown): string {
  if (error instanceof NeverSent) return error.message;
  if (isTimeout(error)) return 'timed out while connecting';
  return inWords(error, NOT_CONNECTED, 'no connection could be made');
}

/** Why no complete answer arrived. */
export function whyLost(error: unknown): string {
  if (isTimeout(error)) return 'timed out';
  const errors = [causeOf(error), error].map(String);
  return (
    UNCODED.find(([form]) => errors.some((each) => form.test(each)))?.[1] ??
    inWords(error, LOST, 'the connection was lost')
  );
}

export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

function inWords(error: unknown, table: Words, otherwise: string): string {
  const code = codeOf(error);
  return code === undefined ? otherwise : `${find(table, code) ?? otherwise} (${code})`;
}

/** Looks up the complete code, then its first part: an entry with a trailing underscore matches all codes that begin with it. */
function find(table: Words, code: string): string | undefined {
  if (Object.hasOwn(table, code)) return table[code];
  return Object.entries(table).find(([start]) => start.endsWith('_') && code.startsWith(start))?.[1];
}

/** Maximum length of a code in a message. */
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

function codeOf(error: unknown): string | undefined {
  for (const each of [causeOf(error), error]) {
    if (!(each instanceof Error)) continue;
    if ('code' in each && typeof each.code === 'string' && CODE.test(each.code)) return each.code;
  }
  return undefined;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
