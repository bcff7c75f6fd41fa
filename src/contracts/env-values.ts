import { z } from 'zod';

/** Quotes come from a file or shell command that should have removed them: no valid value contains one. */
const QUOTES = /["'`]/;
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

/** Which characters of a value without blanks are not allowed; undefined: all are. */
function faultOfCharacters(value: string): string | undefined {
  if (/\s/.test(value)) return 'must not contain blanks or line breaks';
  if (QUOTES.test(value)) return 'must not contain quotes: write the value without them';
  if (!VISIBLE_ASCII.test(value))
    return 'must contain only visible ASCII characters: no header can carry others';
  return undefined;
}

/** A text that fits into a header: a secret, a key, a name. Messages do not repeat the value. */
export const headerText = z.string().superRefine((value, context) => {
  const message = faultOfCharacters(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** Splits a list at spaces only: a line break inside of a list is a copying error. */
export function splitList(value: string): string[] {
  return value.split(/ +/);
}

/** A list separated by spaces. Returns the fault of the first faulty part, without the part. */
function list(faultOf: (part: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    for (const part of splitList(value)) {
      const message = faultOfCharacters(part) ?? faultOf(part);
      if (message === undefined) continue;
      context.addIssue({ code: 'custom', message });
      return;
    }
  });
}

/** One or more such texts, separated by spaces. */
export const headerTexts = list(() => undefined);

/** Keys are compared as bearer tokens, so they must not be guessable. */
const BEARER_KEY_CHARACTERS = 32;

/** One or more bearer keys: our own calls use the first, and all are accepted. */
export const bearerKeys = list((key) =>
  key.length < BEARER_KEY_CHARACTERS
    ? `must be at least ${BEARER_KEY_CHARACTERS} characters; several keys are separated by spaces`
    : undefined,
);

const SIGNING_KEY_BYTES = { least: 24, most: 64 };

/**
 * The key of a Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes. Undefined: the secret is malformed. The
 * last character of base64 may hold bits that belong to no byte; if they are set, the secret was not copied as it was made.
 */
export function signingKeyOf(secret: string): Uint8Array | undefined {
  const [, base64 = '', padding = ''] = /^whsec_([A-Za-z0-9+/]+)(={0,2})$/.exec(secret) ?? [];
  const bytes = bytesOf(base64 + padding);
  const { least, most } = SIGNING_KEY_BYTES;
  if (bytes === undefined || bytes.length < least || bytes.length > most) return undefined;
  return btoa(bytes).startsWith(base64) ? Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)) : undefined;
}

/** One or more Standard Webhooks secrets: the first one signs, and all verify. */
export const signingKeys = list((secret) =>
  signingKeyOf(secret) === undefined
    ? 'must be one or more whsec_ + base64 of 24 to 64 bytes, separated by spaces. Make one: echo "whsec_$(openssl rand -base64 32)"'
    : undefined,
);

const LEGACY_SECRET_CHARACTERS = 24;

/** One or more secrets of the platform's first version: all verify. */
export const legacySecrets = list((secret) =>
  secret.length < LEGACY_SECRET_CHARACTERS
    ? `must be at least ${LEGACY_SECRET_CHARACTERS} characters; several secrets are separated by spaces`
    : undefined,
);

const SEALING_KEY_BYTES = 32;

/** One or more keys with ids for encrypting subscribers' secrets: the first one encrypts, and all decrypt. */
export const endpointSecretsKeys = list((key) => {
  const [, base64 = ''] = /^[A-Za-z0-9_-]{1,32}:([A-Za-z0-9+/]+={0,2})$/.exec(key) ?? [];
  return bytesOf(base64)?.length === SEALING_KEY_BYTES
    ? undefined
    : `must be one or more id:key, separated by spaces: an id of at most 32 letters, digits, - and _, and the base64 of ${SEALING_KEY_BYTES} bytes`;
}).refine(
  (value) => {
    const ids = splitList(value).map((key) => key.split(':')[0]);
    return new Set(ids).size === ids.length;
  },
  { error: 'must not have two keys with the same id' },
);

/** Each byte as one UTF-16 unit; undefined: the text is not base64. */
function bytesOf(base64: string): string | undefined {
  try {
    return atob(base64);
  } catch {
    return undefined;
  }
}

/** Hosts that plain http reaches without leaving the machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** What is wrong with a server address; undefined: nothing. */
function faultOfAddress(value: string): string | undefined {
  // `new URL` also accepts `https:host` and backslashes, which here are typing errors.
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^\\]+$/i.test(value) ? URL.parse(value) : null;
  if (url === null) return 'must be an address such as https://polaris.example.com';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
  // No client can send a request to such an address.
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
  // Paths are appended to the address, and would become part of the query or fragment.
  if (value.includes('?') || value.includes('#')) return 'must not contain a query or a fragment';
  return undefined;
}

/** The address of a server: http or https, without credentials, query and fragment. */
export const serverAddress = z.string().superRefine((value, context) => {
  const message = faultOfCharacters(value) ?? faultOfAddress(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** The address of a Supabase project. Clients append the path of each API, so a copied `…/rest/v1` would not work. */
export const projectAddress = serverAddress.refine((value) => (URL.parse(value)?.pathname ?? '/') === '/', {
  error:
    'must be the address of the project without a path, such as https://abcdefghijklmnopqrst.supabase.co',
});

const WEBHOOK_PATH = '/api/webhooks';

/** One or more addresses of our own webhook functions. Plain http would expose results on the way. */
export const webhookAddresses = list((value) => {
  const fault = faultOfAddress(value);
  if (fault !== undefined) return fault;
  if (!value.endsWith(WEBHOOK_PATH)) return `must end in ${WEBHOOK_PATH}`;
  const { protocol, hostname } = new URL(value);
  if (protocol !== 'https:' && !isLoopback(hostname))
    return 'must begin with https:// unless the host is localhost';
  return undefined;
});

const SLACK = 'slack+';

/**
 * What is wrong with an address for alerts or heartbeats; undefined: nothing. A query is allowed, since it may contain our
 * credentials.
 */
function faultOfOutsideAddress(value: string): string | undefined {
  const fault = faultOfAddress(value.replace(/[?].*$/, ''));
  if (fault !== undefined) return fault;
  if (value.includes('#')) return 'must not contain a fragment';
  const { protocol, hostname } = new URL(value);
  if (hostname.includes(',')) return 'must be separated from the next one by a space';
  if (protocol !== 'https:' && !isLoopback(hostname))
    return 'must begin with https:// unless the host is localhost';
  return undefined;
}

/** An address that is called with GET: https, or http to this machine. */
export const heartbeatAddress = z.string().superRefine((value, context) => {
  const message = faultOfCharacters(value) ?? faultOfOutsideAddress(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** One or more addresses for alerts. Those that begin with slack+https:// get Slack's format. */
export const alertAddresses = list((value) =>
  faultOfOutsideAddress(value.startsWith(SLACK) ? value.slice(SLACK.length) : value),
);

/** An address for alerts, and the format of its messages. */
export interface AlertAddress {
  url: string;
  form: 'signed' | 'slack';
}

export function parseAlertAddresses(value: string): AlertAddress[] {
  return splitList(value).map((address) =>
    address.startsWith(SLACK)
      ? { url: address.slice(SLACK.length), form: 'slack' }
      : { url: address, form: 'signed' },
  );
}

/** PostgreSQL users that own our schema or have all rights: `postgres` and, at a pooler, `postgres.<project>`. */
const OWNERS = /^(?:postgres|supabase_admin)(?:\.|$)/;
const STORE_TLS = ['require', 'verify-full'];

/** What is wrong with the address of PostgreSQL; undefined: nothing. Messages do not repeat any part of it. */
function faultOfStoreAddress(value: string): string | undefined {
  const url = /^postgres(?:ql)?:\/\/[^\\]+$/.test(value) ? URL.parse(value) : null;
  if (url === null || url.hostname === '' || url.pathname.length < 2 || !isDecodable(url)) {
    return 'must be an address such as postgresql://polaris_store:PASSWORD@db.example.com:6543/postgres; in the password, write @ as %40, / as %2F and # as %23';
  }
  if (url.hash !== '') return 'must not contain a fragment: in the password, write # as %23';
  if (url.username === '') return 'must name a user: polaris_store, or polaris_store.<project> at a pooler';
  if (OWNERS.test(decodeURIComponent(url.username))) {
    return 'must name the user polaris_store: only migrations and commands connect as the owner';
  }
  if (url.password === '') return 'must contain the password of its user';
  // A host in the query would override the one whose TLS is checked here.
  if ([...url.searchParams.keys()].some((name) => name !== 'sslmode')) {
    return 'must have no parameter except sslmode';
  }
  const mode = url.searchParams.get('sslmode');
  if (mode === null || STORE_TLS.includes(mode)) return undefined;
  if (mode === 'disable' && isLoopback(url.hostname)) return undefined;
  return 'must have sslmode=require or sslmode=verify-full: only a connection to localhost may be unencrypted';
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/** The address of PostgreSQL for the functions, with a role that owns nothing. */
export const storeAddress = z.string().superRefine((value, context) => {
  const message = faultOfCharacters(value) ?? faultOfStoreAddress(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
