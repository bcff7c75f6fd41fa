import { JsonText } from '../../contracts/json-text.ts';
import { cut } from '../http/issues.ts';
import { MAX_DEPTH } from '../http/read-json.ts';
import { scanJson, type ShallowJson } from '../http/scan-json.ts';

/** A member that differs between two versions of the same events' bodies. */
interface VersionChange {
  /** Such as `data.position`; empty if whole bodies are compared. */
  path: string;
  /** Number of events in which the member differs. */
  events: number;
  /** JSON of the first one, truncated; null if the body has no such member. */
  before: string | null;
  after: string | null;
}

/** One event's body in two versions, as `private.body_of()` makes it. */
interface BodyPair {
  before: string;
  after: string;
}

/** Maximum number of listed members. */
export const MAX_VERSION_CHANGES = 50;
/** Maximum length of a shown value, in UTF-16 units. */
const SHOWN_CHARACTERS = 200;

/** The differences between two versions of these bodies, in the order of the members. Values are compared as a whole. */
export function compareVersions(bodies: readonly BodyPair[]): VersionChange[] {
  const changes = new Map<string, VersionChange>();
  for (const body of bodies) {
    const [before, after] = [membersOf(body.before), membersOf(body.after)];
    // The content of an imported report may not be readable as JSON.
    const readable = before !== null && after !== null;
    const [old, young] = readable ? [before, after] : [whole(body.before), whole(body.after)];
    for (const path of new Set([...old.keys(), ...young.keys()])) {
      const [was, is] = [old.get(path) ?? null, young.get(path) ?? null];
      if (was === is) continue;
      const known = changes.get(path);
      if (known !== undefined) known.events += 1;
      else if (changes.size < MAX_VERSION_CHANGES) {
        changes.set(path, { path, events: 1, before: shown(was), after: shown(is) });
      }
    }
  }
  return [...changes.values()];
}

/** The JSON of each member, with the members of `data` listed separately; null if the text cannot be read. */
function membersOf(body: string): Map<string, string> | null {
  const scanned = scanJson(body, { maxDepth: MAX_DEPTH, open: ['data'] });
  if (!scanned.ok || !isObject(scanned.value)) return null;
  const members = new Map<string, string>();
  for (const [name, value] of Object.entries(scanned.value)) {
    if (name !== 'data' || !isObject(value)) members.set(name, jsonOf(value));
    else for (const [inner, content] of Object.entries(value)) members.set(`data.${inner}`, jsonOf(content));
  }
  return members;
}

function isObject(value: ShallowJson): value is Record<string, ShallowJson> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonText);
}

function jsonOf(value: ShallowJson): string {
  return value instanceof JsonText ? value.text : JSON.stringify(value);
}

function whole(body: string): Map<string, string> {
  return new Map([['', body]]);
}

function shown(text: string | null): string | null {
  return text === null ? null : cut(text, SHOWN_CHARACTERS);
}
