import { JsonText } from '../../contracts/json-text.ts';
import { toStorable } from '../../contracts/text.ts';
import { boundedIssue, cut } from './issues.ts';
import type { Issue } from './problem.ts';

/**
 * A JSON value whose unopened objects and arrays are still text. Opened objects have no prototype, so `__proto__` is a member
 * like any other.
 */
export type ShallowJson = string | number | boolean | null | JsonText | ShallowJson[] | ShallowObject;
interface ShallowObject {
  [name: string]: ShallowJson;
}

export interface ScanOptions {
  /** Maximum nesting of objects and arrays. */
  maxDepth: number;
  /**
   * Names of members whose objects and arrays are opened. The whole body and the items of an opened array are opened too. By
   * name and not by depth, since a member such as the metadata stands one level higher in a flat body than in an envelope.
   * Everything else becomes `JsonText`.
   */
  open: readonly string[];
  /**
   * Name of a member of the body whose array items are bodies themselves. Each item is kept as text, whatever it is, and only
   * checked to be JSON: its own scan does the rest, so that a bad item does not affect the others.
   */
  apart?: string;
}

/** `issue: null`: the text is not JSON. */
export type Scanned = { ok: true; value: ShallowJson } | { ok: false; issue: Issue | null };

/** Maximum digits of a number written out. `1e131071` is a few bytes as jsonb, and 131,072 characters when printed. */
const MAX_DIGITS = 64;
/** Maximum items of an opened array: schemas report an issue for each. Arrays that stay text have no such limit. */
const MAX_ITEMS = 1000;

/** Maximum length of a name in an issue's path, in UTF-16 units, so that a long name leaves room for its neighbours. */
const MAX_NAME_CHARACTERS = 64;
/** With fewer names than this, searching a list is faster than building a set. */
const MAX_LISTED_NAMES = 8;
/** Levels around a separate item: those of the body and of its array. */
const APART_DEPTH = 2;
/** More digits than any body has, so that a number with a larger exponent has too many, whatever precedes it. */
const MAX_EXPONENT = 1e8;

/**
 * Reads text as JSON (RFC 8259: what `JSON.parse` accepts) in one pass without recursion. Rejects, with its path, what cannot
 * be stored as written: numbers too long when written out, repeated member names, too many levels, U+0000 and unpaired
 * surrogates. Reports the first fault, unless the text further on is not JSON at all.
 * @param text well-formed Unicode, as decoded from UTF-8; only escapes are searched for surrogates
 */
export function scanJson(text: string, options: ScanOptions): Scanned {
  return new Scanner(text, options).scan();
}

/** An object or array that the scanner is inside of. Reused for the next one of its level: most bodies have thousands. */
class Level {
  isObject = false;
  /** Start of its text. */
  start = 0;
  /** Its opened value; null if it stays text. */
  target: ShallowObject | ShallowJson[] | null = null;
  index = 0;
  /** The current member's name, decoded, with a quotation mark in front: see `addName`. */
  quotedName = '';
  /** Names of its members; entries from `count` on are left over from an earlier object of this level. */
  private readonly listed: string[] = [];
  private count = 0;
  private names: Set<string> | null = null;

  enter(isObject: boolean, start: number, opened: boolean): void {
    this.isObject = isObject;
    this.start = start;
    this.target = opened ? (isObject ? emptyObject() : []) : null;
    this.index = 0;
    this.quotedName = '';
    this.count = 0;
    this.names = null;
  }

  /**
   * Sets the name of the following member; returns false if the object has that name already. The quotation mark in front
   * keeps the name from looking like an integer: in V8, such strings have had guessable hashes, and a body of colliding names
   * would cost quadratic time.
   */
  addName(quotedName: string): boolean {
    this.quotedName = quotedName;
    if (this.names !== null) {
      const { size } = this.names;
      return this.names.add(quotedName).size > size;
    }
    for (let i = 0; i < this.count; i += 1) {
      if (this.listed[i] === quotedName) return false;
    }
    this.listed[this.count] = quotedName;
    this.count += 1;
    if (this.count === MAX_LISTED_NAMES) this.names = new Set(this.listed);
    return true;
  }

  get name(): string {
    return this.quotedName.slice(1);
  }
}

function emptyObject(): ShallowObject {
  // Safe: Object.create() is typed as any; an object without prototype and members is an empty ShallowObject.
  return Object.create(null) as ShallowObject;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const LITERALS: readonly (readonly [string, ShallowJson])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Reading methods return false if the text is not JSON. Past the end, a code is NaN, which equals nothing. */
class Scanner {
  private readonly text: string;
  private readonly maxDepth: number;
  private readonly open: readonly string[];
  private readonly apart: string | undefined;
  private at = 0;
  /** For each level that the scanner is inside of, whether it is an object; also beyond `maxDepth`, where `levels` ends. */
  private readonly nesting: boolean[] = [];
  private readonly levels: Level[] = [];
  private top: Level | null = null;
  /** The first fault. From there on, only the grammar is checked: levels, names and values are not kept. */
  private fault: Issue | null = null;
  /** Start of the separate item that the scanner is inside of. */
  private apartStart: number | null = null;
  private root: ShallowJson = null;
  /** Properties of the last string read. */
  private hasEscape = false;
  private isStorable = true;

  constructor(text: string, { maxDepth, open, apart }: ScanOptions) {
    this.text = text;
    this.maxDepth = maxDepth;
    this.open = open;
    this.apart = apart;
  }

  scan(): Scanned {
    if (!this.readDocument()) return { ok: false, issue: null };
    return this.fault === null ? { ok: true, value: this.root } : { ok: false, issue: this.fault };
  }

  private readDocument(): boolean {
    do {
      if (!this.readStartOfValue()) return false;
    } while (this.nesting.length > 0 && this.readOnToValue());
    return this.nesting.length === 0 && this.skipSpace() === this.text.length;
  }

  /** Reads a scalar or an empty object or array completely, any other value up to the start of its first value. */
  private readStartOfValue(): boolean {
    for (;;) {
      const code = this.text.charCodeAt(this.skipSpace());
      if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return this.readScalar(code);
      const isObject = code === OPEN_BRACE;
      this.enter(isObject);
      if (this.text.charCodeAt(this.skipSpace()) === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        this.leave();
        return true;
      }
      if (isObject && !this.readName()) return false;
    }
  }

  /** Reads from the end of a value to the start of the next one; returns false also at the end of the outermost value. */
  private readOnToValue(): boolean {
    for (;;) {
      const isObject = this.nesting.at(-1);
      if (isObject === undefined) return false;
      const code = this.text.charCodeAt(this.skipSpace());
      if (code === COMMA) {
        this.at += 1;
        if (isObject) return this.readName();
        this.countItem();
        return true;
      }
      if (code !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return false;
      this.leave();
    }
  }

  private enter(isObject: boolean): void {
    const start = this.at;
    if (this.startsApart()) this.apartStart = start;
    this.at += 1;
    const depth = this.nesting.push(isObject);
    if (this.onlyGrammar()) return;
    if (depth > this.maxDepth) {
      this.refuse(`must not be nested deeper than ${this.maxDepth} levels`);
      return;
    }
    const opened = this.isOpened();
    this.top = this.levels[depth - 1] ?? new Level();
    this.levels[depth - 1] = this.top;
    this.top.enter(isObject, start, opened);
  }

  private isOpened(): boolean {
    if (this.top === null) return true;
    if (this.top.target === null) return false;
    return !this.top.isObject || this.open.includes(this.top.name) || this.isApart();
  }

  /** Whether the items of the last named member are separate. */
  private isApart(): boolean {
    return this.apart !== undefined && this.nesting.length <= 2 && this.levels[0]?.name === this.apart;
  }

  private startsApart(): boolean {
    if (this.apart === undefined || this.apartStart !== null || this.fault !== null) return false;
    return (
      this.nesting.length === APART_DEPTH &&
      this.nesting[0] === true &&
      this.nesting[1] === false &&
      this.isApart()
    );
  }

  private keepApart(): void {
    if (this.apartStart === null || this.nesting.length !== APART_DEPTH) return;
    const text = this.text.slice(this.apartStart, this.at);
    this.apartStart = null;
    if (this.keepsValue()) this.keep(text);
  }

  private onlyGrammar(): boolean {
    return this.fault !== null || this.apartStart !== null;
  }

  private leave(): void {
    this.at += 1;
    const depth = this.nesting.length - 1;
    this.nesting.length = depth;
    if (this.apartStart !== null) {
      this.keepApart();
      return;
    }
    const left = this.top;
    if (this.fault !== null || left === null) return;
    this.top = depth === 0 ? null : (this.levels[depth - 1] ?? null);
    if (!this.keepsValue()) return;
    const kind = left.isObject ? 'object' : 'array';
    this.keep(left.target ?? new JsonText(kind, this.text.slice(left.start, this.at)));
  }

  private readName(): boolean {
    const start = this.skipSpace();
    if (!this.readString()) return false;
    const end = this.at;
    if (this.text.charCodeAt(this.skipSpace()) !== COLON) return false;
    this.at += 1;
    if (this.onlyGrammar() || this.top === null) return true;
    const quotedName = this.hasEscape ? `"${this.decode(start, end)}` : this.text.slice(start, end - 1);
    const isNew = this.top.addName(quotedName);
    if (!this.isStorable) this.refuse('its name must not contain U+0000 or unpaired surrogates');
    else if (!isNew) this.refuse('must not be given twice');
    return true;
  }

  private countItem(): void {
    if (this.onlyGrammar() || this.top === null) return;
    this.top.index += 1;
    if (this.top.target !== null && this.top.index >= MAX_ITEMS) {
      this.refuse(`must not have more than ${MAX_ITEMS} items`, this.nesting.length - 1);
    }
  }

  private readScalar(code: number): boolean {
    if (this.startsApart()) {
      this.apartStart = this.at;
      const isRead = this.readPlain(code);
      this.keepApart();
      return isRead;
    }
    return this.readPlain(code);
  }

  private readPlain(code: number): boolean {
    if (code === QUOTE) return this.readText();
    if (code === MINUS || isDigit(code)) return this.readNumber();
    for (const [literal, value] of LITERALS) {
      if (this.text.startsWith(literal, this.at)) {
        this.at += literal.length;
        if (this.keepsValue()) this.keep(value);
        return true;
      }
    }
    return false;
  }

  private readText(): boolean {
    const start = this.at;
    if (!this.readString()) return false;
    if (!this.isStorable) this.refuse('must not contain U+0000 or unpaired surrogates');
    else if (this.keepsValue()) this.keep(this.decode(start, this.at));
    return true;
  }

  private readString(): boolean {
    const { text } = this;
    this.hasEscape = false;
    this.isStorable = true;
    if (text.charCodeAt(this.at) !== QUOTE) return false;
    for (let i = this.at + 1; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        this.at = i + 1;
        return true;
      }
      if (code < SPACE) return false;
      if (code === BACKSLASH) {
        const length = this.lengthOfEscape(i);
        if (length === 0) return false;
        i += length - 1;
      }
    }
    return false;
  }

  /** Length of both escapes of a surrogate pair; 0 if they are not valid. */
  private lengthOfEscape(start: number): number {
    const { text } = this;
    this.hasEscape = true;
    const code = text.charCodeAt(start + 1);
    if (code !== LOWER_U) return isShortEscape(code) ? 2 : 0;
    const unit = codeUnitAt(text, start + 2);
    if (unit < 0) return 0;
    if (unit === 0) this.isStorable = false;
    if (unit < 0xd800 || unit > 0xdfff) return 6;
    if (unit < 0xdc00 && text.startsWith('\\u', start + 6)) {
      const next = codeUnitAt(text, start + 8);
      if (next >= 0xdc00 && next <= 0xdfff) return 12;
    }
    this.isStorable = false;
    return 6;
  }

  private decode(start: number, end: number): string {
    if (!this.hasEscape) return this.text.slice(start + 1, end - 1);
    // Safe: the text of one string whose grammar was checked. JSON.parse misreads no single strings.
    return JSON.parse(this.text.slice(start, end)) as string;
  }

  private readNumber(): boolean {
    const { text } = this;
    const first = text.charCodeAt(this.at) === MINUS ? this.at + 1 : this.at;
    let end = text.charCodeAt(first) === ZERO ? first + 1 : endOfDigits(text, first);
    if (end === first) return false;
    const whole = end - first;
    let decimals = 0;
    if (text.charCodeAt(end) === DOT) {
      const point = end;
      end = endOfDigits(text, point + 1);
      decimals = end - point - 1;
      if (decimals === 0) return false;
    }
    let exponent = 0;
    const code = text.charCodeAt(end);
    if (code === LOWER_E || code === UPPER_E) {
      const sign = text.charCodeAt(end + 1);
      const start = sign === MINUS || sign === PLUS ? end + 2 : end + 1;
      end = endOfDigits(text, start);
      if (end === start) return false;
      exponent = sign === MINUS ? -exponentOf(text, start, end) : exponentOf(text, start, end);
    }
    if (!this.onlyGrammar() && (exponent !== 0 || whole + decimals > MAX_DIGITS)) {
      if (digitsWrittenOut(text, first, whole, decimals, exponent) > MAX_DIGITS) {
        this.refuse(`must not have more than ${MAX_DIGITS} digits, written out without an exponent`);
      }
    }
    if (this.keepsValue()) this.keep(Number(text.slice(this.at, end)));
    this.at = end;
    return true;
  }

  private skipSpace(): number {
    for (; ; this.at += 1) {
      const code = this.text.charCodeAt(this.at);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return this.at;
    }
  }

  private keepsValue(): boolean {
    return !this.onlyGrammar() && (this.top === null || this.top.target !== null);
  }

  private keep(value: ShallowJson): void {
    const target = this.top?.target ?? null;
    if (target === null) this.root = value;
    else if (Array.isArray(target)) target.push(value);
    else target[this.top?.name ?? ''] = value;
  }

  /** Records the fault, if it is the first, of the current value or, with fewer levels, of a value around it. */
  private refuse(message: string, levels = this.nesting.length): void {
    if (this.onlyGrammar()) return;
    const path = this.levels
      .slice(0, levels)
      .map(({ isObject, name, index }) =>
        isObject ? cut(toStorable(name), MAX_NAME_CHARACTERS) : String(index),
      )
      .join('.');
    this.fault = boundedIssue({ path, message });
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

/** The value of the digits, limited to `MAX_EXPONENT`. */
function exponentOf(text: string, start: number, end: number): number {
  let exponent = 0;
  for (let i = start; i < end && exponent < MAX_EXPONENT; i += 1) {
    exponent = exponent * 10 + text.charCodeAt(i) - ZERO;
  }
  return Math.min(exponent, MAX_EXPONENT);
}

/**
 * Counts the digits of a number's plain decimal form without writing it out: those before the point without leading zeros, at
 * least one, and those behind it. A zero is not shortened, since PostgreSQL refuses a large exponent of it too.
 */
function digitsWrittenOut(
  text: string,
  first: number,
  whole: number,
  decimals: number,
  exponent: number,
): number {
  return (
    Math.max(1, whole + exponent - leadingZeros(text, first, decimals)) + Math.max(0, decimals - exponent)
  );
}

/** Number of zeros after the point before the first other digit of `0.00…`; 0 if there is no other digit. */
function leadingZeros(text: string, first: number, decimals: number): number {
  if (text.charCodeAt(first) !== ZERO) return 0;
  let zeros = 0;
  while (zeros < decimals && text.charCodeAt(first + 2 + zeros) === ZERO) zeros += 1;
  return zeros === decimals ? 0 : zeros + 1;
}

function isShortEscape(code: number): boolean {
  switch (code) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return true;
    default:
      return false;
  }
}

/** The code unit of four hexadecimal digits; negative if they are not valid. */
function codeUnitAt(text: string, start: number): number {
  let unit = 0;
  for (let i = start; i < start + 4; i += 1) {
    const code = text.charCodeAt(i);
    // Sets the bit that distinguishes lower from upper case letters.
    const lower = code | 0x20;
    const digit = isDigit(code) ? code - ZERO : lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}
