import { z } from 'zod';

const erasure = z.object({ erased: z.guid(), time: z.iso.datetime({ offset: true }).optional() });
/** A log line of ours or of another program. Its message may quote an attacker's text, so JSON inside of it is not searched. */
const logLine = z.object({ level: z.string(), message: z.string() });
/** The member that names an erased user, at any level of JSON escaping. */
const NAMED = /"erased\\*"\s*:\s*\\*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/gi;
/** A prefix before the JSON of a line may contain brackets of its own. */
const MOST_BEGINNINGS = 20;

/**
 * The users whose erasure a file names, in lower case and without duplicates. Reads lines as `erase` and our log print them,
 * and what log drains make of these: objects that contain our line as a string, or one array. `unread`: users that appear
 * only in lines that could not be read.
 */
export function namedErasures(bytes: Buffer): { users: string[]; unread: string[] } {
  const text = decode(bytes);
  const users = new Set<string>();
  const whole = parse(text);
  if (whole !== undefined) collect(whole, users);
  else for (const line of text.split('\n')) collect(parseEnd(line), users);
  const unread = new Set([...text.matchAll(NAMED)].map(([, user = '']) => user.toLowerCase()));
  return { users: [...users], unread: [...unread].filter((user) => !users.has(user)) };
}

/** Decodes UTF-16, which some shells write, else UTF-8. */
function decode(bytes: Buffer): string {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE();
  if (mark === 0xfffe) return bytes.subarray(2).toString('utf16le');
  if (mark === 0xfeff) return new TextDecoder('utf-16be').decode(bytes);
  return bytes.toString().replace(/^\ufeff/, '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The JSON at the end of a line. */
function parseEnd(line: string): unknown {
  let at = -1;
  for (let tries = 0; tries < MOST_BEGINNINGS; tries += 1) {
    at = line.indexOf('{', at + 1);
    if (at === -1) return undefined;
    const value = parse(line.slice(at));
    if (value !== undefined) return value;
  }
  return undefined;
}

function collect(value: unknown, users: Set<string>): void {
  if (typeof value === 'string') {
    const inner = parse(value);
    if (typeof inner === 'object') collect(inner, users);
  } else if (Array.isArray(value)) {
    for (const each of value) collect(each, users);
  } else if (typeof value === 'object' && value !== null) {
    const named = erasure.safeParse(value);
    if (named.success) {
      users.add(named.data.erased.toLowerCase());
      return;
    }
    const line = logLine.safeParse(value);
    if (line.success && typeof parse(line.data.message) !== 'object') return;
    for (const each of Object.values(value)) collect(each, users);
  }
}
