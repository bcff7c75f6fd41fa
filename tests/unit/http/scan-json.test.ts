import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonText } from '../../../src/contracts/json-text.ts';
import { toStorable } from '../../../src/contracts/text.ts';
import { scanJson, type ScanOptions, type Scanned } from '../../../src/server/http/scan-json.ts';

const TOO_LONG = 'must not have more than 64 digits, written out without an exponent';
const TWICE = 'must not be given twice';
const UNSTORABLE = 'must not contain U+0000 or unpaired surrogates';
const UNSTORABLE_NAME = `its name ${UNSTORABLE}`;
const TOO_DEEP = (levels: number) => `must not be nested deeper than ${levels} levels`;

const scan = (text: string, options: Partial<ScanOptions> = {}): Scanned =>
  scanJson(text, { maxDepth: 100, open: [], ...options });
const refusal = (text: string, options?: Partial<ScanOptions>) => {
  const scanned = scan(text, options);
  return scanned.ok ? 'ok' : scanned.issue === null ? 'not JSON' : scanned.issue;
};
const valueOf = (text: string, options?: Partial<ScanOptions>) => {
  const scanned = scan(text, options);
  if (!scanned.ok) throw new Error(`${text.slice(0, 100)} was refused`);
  return scanned.value;
};

describe('numbers', () => {
  it.each([
    '1e63',
    '-1E+63',
    '1e-63',
    '9'.repeat(64),
    `-${'9'.repeat(64)}`,
    `0.${'1'.repeat(63)}`,
    `${'1'.repeat(32)}.${'1'.repeat(32)}`,
    `1${'0'.repeat(70)}`.slice(0, 64),
    '0e5',
    '0e63',
    '-0',
    '1e0000000000000000000063',
    `0.${'0'.repeat(100)}1e100`,
    '123e-62',
    '12345678901234567890.123',
  ])('%s is accepted: at most 64 digits when written out', (number) => {
    expect(refusal(`[${number}]`)).toBe('ok');
    expect(refusal(number)).toBe('ok');
  });

  it.each([
    '1e64',
    '1e-64',
    '-0.5e-63',
    '0.1e65',
    '12e63',
    '9'.repeat(65),
    `0.${'1'.repeat(64)}`,
    `0.${'0'.repeat(64)}`,
    '0e-64',
    '0e64',
    '0.00e64',
    '0e999999999999',
    '1e131071',
    '1E400',
    '1e-999999999999999999999999',
    `1e${'9'.repeat(100_000)}`,
    '9'.repeat(1_000_000),
  ])('%.40s is refused: more than 64 digits when written out', (number) => {
    expect(refusal(`{"a":[true,${number}]}`)).toEqual({ path: 'a.1', message: TOO_LONG });
  });

  it('are refused in a list of short bombs, at the first', () => {
    const bomb = `[${Array.from({ length: 2000 }, () => '1e131071').join(',')}]`;
    expect(refusal(bomb)).toEqual({ path: '0', message: TOO_LONG });
  });

  it('have as many digits as their plain form, however they are written', () => {
    const digits = (min: number, max: number) =>
      fc
        .array(fc.constantFrom(...Array.from('0001234567899')), { minLength: min, maxLength: max })
        .map((all) => all.join(''));
    const number = fc.record({
      sign: fc.constantFrom('', '-'),
      whole: fc.oneof(
        fc.constant('0'),
        digits(1, 70).map((all) => `1${all}`),
        digits(0, 4).map((all) => `7${all}`),
      ),
      decimals: fc.oneof(fc.constant(''), digits(1, 5), digits(1, 80)),
      exponent: fc.option(fc.oneof(fc.integer({ min: -90, max: 90 }), fc.integer({ min: -3, max: 3 }))),
      letter: fc.constantFrom('e', 'E'),
      plus: fc.constantFrom('', '+'),
      zeros: fc.constantFrom('', '0', '000'),
    });
    let refused = 0;
    fc.assert(
      fc.property(number, ({ sign, whole, decimals, exponent, letter, plus, zeros }) => {
        const point = decimals === '' ? '' : `.${decimals}`;
        const power =
          exponent === null
            ? ''
            : `${letter}${exponent < 0 ? '-' : plus}${zeros}${String(Math.abs(exponent))}`;
        const fits = plainDigits(whole, decimals, exponent ?? 0) <= 64;
        if (!fits) refused += 1;
        expect(refusal(`[${sign}${whole}${point}${power}]`)).toEqual(
          fits ? 'ok' : { path: '0', message: TOO_LONG },
        );
      }),
      { numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(300);
  });
});

/** Writes the number out and counts, as a person would. A zero keeps the digits that its exponent gives it. */
function plainDigits(whole: string, decimals: string, exponent: number): number {
  const pad = '0'.repeat(200);
  const all = `${pad}${whole}${decimals}${pad}`;
  const point = pad.length + whole.length + exponent;
  const behind = Math.max(0, decimals.length - exponent);
  const isZero = /^0*$/.test(whole + decimals);
  const before = isZero ? '0'.repeat(Math.max(1, 1 + exponent)) : all.slice(0, point).replace(/^0+/, '');
  return Math.max(1, before.length) + all.slice(point, point + behind).length;
}

describe('member names', () => {
  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"\\u0061":1,"a":2}', 'a'],
    ['{"":1,"":2}', ''],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"c\\"":1,"\\u0063\\u0022":2}', 'c"'],
    ['{"c\\\\":1,"c\\\\":2}', 'c\\'],
    ['{"\\/":1,"/":2}', '/'],
    ['{"\\ud83d\\ude00":1,"😀":2}', '😀'],
    ['{"k":[{"a":{}},{"b":{"d":1,"e":[{"a":1}],"d":{}}}]}', 'k.1.b.d'],
    ['{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"a":1}', 'a'],
    ['{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"j":1}', 'j'],
  ])('%s repeats one', (text, path) => {
    expect(refusal(text)).toEqual({ path, message: TWICE });
    expect(refusal(text, { open: ['k', 'b', 'a', 'd'] })).toEqual({ path, message: TWICE });
  });

  it.each([
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '{"a":"\\"a\\":1","b":":"}',
    '{"a\\\\":1,"a\\"":2,"a":3}',
    '{"a":1,"A":2}',
    '{"é":1,"e\u0301":2}',
    '{"1":1,"01":2,"1.0":3}',
    '{"toString":1,"constructor":2,"__proto__":3}',
    `[${Array.from({ length: 2 }, () => `{${Array.from('abcdefghijk', (c) => `"${c}":1`).join(',')}}`).join(',')}]`,
  ])('%s repeats none', (text) => {
    expect(refusal(text)).toBe('ok');
  });

  it('are read right after names with escapes, which JSON.parse misreads', () => {
    for (const [text, name] of [
      ['{"c\\\\":1}', 'c\\'],
      ['{"c\\"":1}', 'c"'],
      ['{"c\\u005c":1}', 'c\\'],
      ['{"c\\n":1}', 'c\n'],
    ] as const) {
      expect(Object.keys(valueOf(text) ?? {})).toEqual([name]);
    }
  });

  it('may be 60,000, also such as V8 has given one hash', () => {
    const names = (nameOf: (i: number) => string) =>
      `{${Array.from({ length: 60_000 }, (_, i) => `"${nameOf(i)}":1`).join(',')}}`;
    expect(refusal(names(String))).toBe('ok');
    expect(refusal(names((i) => String(i * 131_072)))).toBe('ok');
    expect(refusal(names((i) => String(i % 59_999)))).toEqual({ path: '0', message: TWICE });
  });
});

describe('strings', () => {
  const faulty = [
    '\\u0000',
    '\\ud800',
    '\\uDFFF',
    '\\ud83d\\ud83d\\ude00',
    '\\ude00\\ud83d',
    '\\ud83dx\\ude00',
    '\\ud83d\\ud83d',
    '\\udc00\\udc00',
  ];
  it.each([...faulty, '\\uD83D\\n', '\\ud83d😀', 'a\\u0000b'])(
    '%s is refused in texts and names',
    (escaped) => {
      expect(refusal(`{"a":[{"b":"${escaped}"}]}`)).toEqual({ path: 'a.0.b', message: UNSTORABLE });
      expect(refusal(`"${escaped}"`)).toEqual({ path: '', message: UNSTORABLE });
      const name = toStorable(JSON.parse(`"x${escaped}"`) as string);
      expect(refusal(`{"a":{"x${escaped}":1}}`)).toEqual({ path: `a.${name}`, message: UNSTORABLE_NAME });
    },
  );

  it.each([
    '\\\\u0000',
    '\\ud83d\\ude00',
    '\\uD83D\\uDE00\\ud83d\\ude00',
    '\\u0001',
    '\\ufffe',
    '\\u001f',
    '😀',
  ])('%s is accepted', (escaped) => {
    expect(valueOf(`{"a":"${escaped}"}`)).toEqual(JSON.parse(`{"a":"${escaped}"}`));
  });
});

describe('levels', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

  it('are accepted up to the limit, and refused one beyond it with their path', () => {
    expect(refusal(nested(100))).toBe('ok');
    expect(refusal(objects(100))).toBe('ok');
    expect(refusal(nested(4), { maxDepth: 3 })).toEqual({ path: '0.0.0', message: TOO_DEEP(3) });
    expect(refusal(`[1,{"b":{},"a":${objects(2)}}]`, { maxDepth: 3 })).toEqual({
      path: '1.a.a',
      message: TOO_DEEP(3),
    });
    expect(refusal(nested(101))).toMatchObject({ message: TOO_DEEP(100) });
  });

  it.each([1000, 100_000, 500_000])('of a body may be %d without a stack overflow', (levels) => {
    expect(refusal(nested(levels))).toMatchObject({ message: TOO_DEEP(100) });
    expect(refusal('['.repeat(levels))).toBe('not JSON');
    expect(refusal(objects(levels))).toMatchObject({ message: TOO_DEEP(100) });
    expect(refusal(`${'[{"a":'.repeat(levels / 2)}1${'}}'.repeat(levels / 2)}`)).toBe('not JSON');
  });
});

describe('the path of an issue', () => {
  it('has at most 200 characters, and names of at most 64, cut between characters', () => {
    const long = refusal(`{"${'x'.repeat(10_000)}":{"b":[1e99]}}`);
    expect(long).toEqual({ path: `${'x'.repeat(63)}….b.0`, message: TOO_LONG });
    expect(refusal(`{"${'x'.repeat(62)}😀😀":1e99}`)).toMatchObject({ path: `${'x'.repeat(62)}…` });
    const deep = refusal(`${`{"${'x'.repeat(60)}":`.repeat(50)}1e99${'}'.repeat(50)}`);
    expect(deep).toMatchObject({ path: expect.stringMatching(/^x{60}\..{138}…$/) as string });
  });

  it('is that of the first fault', () => {
    expect(refusal('{"a":1e99,"b":"\\u0000","b":1}')).toMatchObject({ path: 'a' });
    expect(refusal('{"b":"\\u0000","a":1e99}')).toMatchObject({ path: 'b' });
  });

  it('is not told where the text is no JSON further on', () => {
    for (const end of ['', '}]', ',}', ',"b"}', '}x']) expect(refusal(`{"a":1e99${end}`)).toBe('not JSON');
  });
});

describe('what is read', () => {
  const text =
    '{"__proto__":{"x":1},"data":{"m":{"n":1.00,"n2":[1]},"l":[1,2],"t":"a\\n","z":null,"__proto__":true}}';

  it('is the body and what is open; all else stays the text that it was', () => {
    const closed = new JsonText('object', '{"x":1}');
    expect(valueOf(text)).toEqual({
      ['__proto__']: closed,
      data: new JsonText('object', text.slice(text.indexOf('{"m"'), -1)),
    });
    const opened = valueOf(text, { open: ['data'] });
    expect(opened).toEqual({
      ['__proto__']: closed,
      data: {
        m: new JsonText('object', '{"n":1.00,"n2":[1]}'),
        l: new JsonText('array', '[1,2]'),
        t: 'a\n',
        z: null,
        ['__proto__']: true,
      },
    });
  });

  it('has no prototype, so that __proto__ is a member like any other', () => {
    const value = valueOf('{"__proto__":{"admin":true}}', { open: ['__proto__'] });
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.entries(value ?? {})).toEqual([['__proto__', { admin: true }]]);
    expect(value).not.toHaveProperty('admin');
  });

  it('is open by name only inside of what is open, and through lists', () => {
    expect(valueOf('{"a":{"data":{}}}', { open: ['data'] })).toEqual({
      a: new JsonText('object', '{"data":{}}'),
    });
    expect(valueOf('{"events":[{"data":{"m":{}}},[]]}', { open: ['events', 'data'] })).toEqual({
      events: [{ data: { m: new JsonText('object', '{}') } }, []],
    });
  });

  it('keeps every spelling inside the text: digits, escapes, spaces', () => {
    const inner = '{ "big" : 9007199254740993,\t"a":1.0,"b":1.00,"c":-0,"d":1E+2,"\\u0061e":"\\u00e9" }';
    expect(valueOf(`{"m" : ${inner} }`)).toEqual({ m: new JsonText('object', inner) });
  });

  it('is of lists at most 1000 items; lists that stay text may be longer', () => {
    const list = (items: number) => `{"a":[${Array.from({ length: items }, () => '{}').join(',')}]}`;
    expect(refusal(list(1000), { open: ['a'] })).toBe('ok');
    expect(refusal(list(1001), { open: ['a'] })).toEqual({
      path: 'a',
      message: 'must not have more than 1000 items',
    });
    expect(refusal(list(1001))).toBe('ok');
    expect(refusal(`{"m":${list(1001)}}`, { open: ['a'] })).toBe('ok');
  });
});

describe('the grammar', () => {
  it.each([
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1}',
    '{"a":1]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '{1:1}',
    '1 2',
    '01',
    '-',
    '-01',
    '+1',
    '.5',
    '1.',
    '1.e5',
    '1e',
    '1e+',
    '0x1',
    'NaN',
    'Infinity',
    'tru',
    'truex',
    'nulll',
    'True',
    '"',
    '"\\',
    '"\\"',
    '"\\x41"',
    '"\\u00"',
    '"\\u00g0"',
    '"\\u 041"',
    '"\\ud83d\\u"',
    '"a\nb"',
    '"\u001f"',
    '\u00a01',
    '\ufeff1',
    '\u20281',
    '1\f',
    '/**/1',
    '[]]',
    '[][]',
    ',',
    ':',
  ])('refuses %j, as JSON.parse does', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(refusal(text)).toBe('not JSON');
  });

  it('accepts what JSON.parse accepts, of any pieces in any order', () => {
    const piece = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"b":',
        '\\',
        '\\u00e9',
        '\\"',
        'u',
        '0',
        '1',
        '-',
        '.',
        'e',
      ],
      ...[
        'E',
        '+',
        'true',
        'false',
        'null',
        ' ',
        '\n',
        '\t',
        '\r',
        '\u0001',
        '\u007f',
        '\u2028',
        'é',
        '😀',
        '12',
      ],
    );
    const isJson = (text: string) => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const text = pieces.join('');
        expect(refusal(text) !== 'not JSON').toBe(isJson(text));
      }),
      { numRuns: 20_000 },
    );
    // One character of a document that is JSON, removed, replaced or doubled.
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), piece, fc.nat(2), (json, at, other, way) => {
        const i = at % json.length;
        const text = json.slice(0, i) + (way === 0 ? '' : other) + json.slice(way === 1 ? i : i + 1);
        fc.pre(text.isWellFormed());
        expect(refusal(text) !== 'not JSON').toBe(isJson(text));
      }),
      { numRuns: 10_000 },
    );
  });
});

/** A value with the spelling of each part chosen: what the reference below walks, and the scanner only sees as text. */
type Spelled =
  | { kind: 'scalar'; text: string; value: unknown; fault: string | null }
  | { kind: 'array'; items: Spelled[]; space: string }
  | { kind: 'object'; members: { name: string; text: string; value: Spelled }[]; space: string };

const spelled = fc.letrec<{ value: Spelled }>((tie) => {
  const name = fc.constantFrom(
    ...['a', 'b', 'data', '__proto__', '', '\\', 'c"', 'c\\', '0', '1', '😀', 'é', 'constructor'],
  );
  const unit = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;
  const escape = (text: string) =>
    `"${Array.from({ length: text.length }, (_, i) => unit(text.charCodeAt(i))).join('')}"`;
  const space = fc.constantFrom('', '', ' ', '\n\t', '\r ');
  const scalar = fc.constantFrom(
    { text: '1', value: 1, fault: null },
    { text: '-0.50', value: -0.5, fault: null },
    { text: '9007199254740993', value: 9007199254740992, fault: null },
    { text: '1e63', value: 1e63, fault: null },
    { text: 'true', value: true, fault: null },
    { text: 'null', value: null, fault: null },
    { text: '"{\\"a\\":[1,\\\\"', value: '{"a":[1,\\', fault: null },
    { text: '"\\ud83d\\ude00"', value: '😀', fault: null },
    { text: '1e64', value: null, fault: TOO_LONG },
    { text: '"\\u0000"', value: null, fault: UNSTORABLE },
    { text: '"\\udc00"', value: null, fault: UNSTORABLE },
  );
  const kind = <K extends Spelled['kind']>(of: K) => fc.constant(of);
  const member = fc.record({ name, escaped: fc.boolean(), value: tie('value') });
  return {
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      scalar.map((of) => ({ kind: 'scalar' as const, ...of })),
      fc.record({ kind: kind('array'), items: fc.array(tie('value'), { maxLength: 4 }), space }),
      fc.record({
        kind: kind('object'),
        members: fc.array(member, { maxLength: 12, size: 'max' }).map((members) =>
          members.map(({ name, escaped, value }) => ({
            name,
            text: escaped ? escape(name) : JSON.stringify(name),
            value,
          })),
        ),
        space,
      }),
    ),
  };
}).value;

function write(value: Spelled): string {
  if (value.kind === 'scalar') return value.text;
  const { space } = value;
  if (value.kind === 'array') return `[${space}${value.items.map(write).join(`${space},`)}${space}]`;
  const members = value.members.map((member) => `${member.text}${space}:${space}${write(member.value)}`);
  return `{${space}${members.join(`,${space}`)}${space}}`;
}

/** The first fault in reading order, by recursion over what was meant. */
function firstFault(value: Spelled, maxDepth: number, path: string[] = []): object | null {
  if (value.kind === 'scalar') {
    return value.fault === null ? null : { path: path.join('.'), message: value.fault };
  }
  if (path.length >= maxDepth) return { path: path.join('.'), message: TOO_DEEP(maxDepth) };
  if (value.kind === 'array') {
    for (const [index, item] of value.items.entries()) {
      const fault = firstFault(item, maxDepth, [...path, String(index)]);
      if (fault !== null) return fault;
    }
    return null;
  }
  const names: string[] = [];
  for (const member of value.members) {
    const inner = [...path, member.name];
    if (names.includes(member.name)) return { path: inner.join('.'), message: TWICE };
    names.push(member.name);
    const fault = firstFault(member.value, maxDepth, inner);
    if (fault !== null) return fault;
  }
  return null;
}

/** What is read of a value with the member `data` open, by recursion. */
function shallow(value: Spelled, opened = true): unknown {
  if (value.kind === 'scalar') return value.value;
  if (!opened) return new JsonText(value.kind, write(value));
  if (value.kind === 'array') return value.items.map((item) => shallow(item));
  return Object.fromEntries(
    value.members.map((member) => [member.name, shallow(member.value, member.name === 'data')]),
  );
}

it('finds the first fault of any document, or reads it, as a plain recursion over its meaning does', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(spelled, fc.constantFrom(2, 4, 100), (value, maxDepth) => {
      const fault = firstFault(value, maxDepth);
      const kind = fault === null ? 'ok' : JSON.stringify(Object.values(fault)[1]);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const scanned = scan(write(value), { maxDepth, open: ['data'] });
      if (fault === null) expect(scanned).toEqual({ ok: true, value: shallow(value) });
      else expect(scanned).toEqual({ ok: false, issue: fault });
    }),
    { numRuns: 5000 },
  );
  for (const message of ['ok', ...[TWICE, TOO_LONG, UNSTORABLE, TOO_DEEP(2)].map((m) => JSON.stringify(m))]) {
    expect([message, (seen.get(message) ?? 0) > 20]).toEqual([message, true]);
  }
});

describe('items apart', () => {
  const apart = (text: string, options: Partial<ScanOptions> = {}) =>
    valueOf(text, { apart: 'events', ...options });

  it.each([
    '{"a":1,"a":2}',
    '{"\\u0000":"\\ud800"}',
    '1e999',
    '"\\u0000"',
    '-0',
    'null',
    ' {} '.trim(),
    `${'['.repeat(200)}${']'.repeat(200)}`,
    `[${'1,'.repeat(2000)}1]`,
    '{"events":[1,{"events":[2]}]}',
  ])('are kept as they are written, whatever they hold: %#', (item) => {
    expect(apart(`{"events": [ ${item} ,${item}, {"b":[1]}] ,"rest":[1]}`)).toEqual({
      events: [item, item, '{"b":[1]}'],
      rest: new JsonText('array', '[1]'),
    });
  });

  it('are those of the named member of the body alone', () => {
    expect(apart('[{"events":[1]}]')).toEqual([{ events: new JsonText('array', '[1]') }]);
    expect(apart('{"other":[1],"events":{"events":[1]}}')).toEqual({
      other: new JsonText('array', '[1]'),
      events: { events: new JsonText('array', '[1]') },
    });
    expect(apart('{"\\u0065vents":[]}')).toEqual({ events: [] });
  });

  it.each(['{"events":[01]}', '{"events":[{"a"}]}', '{"events":["\n"]}', '{"events":[{]}', '{"events":[1}'])(
    'are JSON, or nothing is: %s',
    (text) => {
      expect(refusal(text, { apart: 'events' })).toBe('not JSON');
    },
  );

  it('hide no fault of the body around them', () => {
    expect(refusal('{"events":[1e999],"events":[1]}', { apart: 'events' })).toEqual({
      path: 'events',
      message: TWICE,
    });
    expect(refusal('{"events":[{"a":1,"a":1}],"b":1e999}', { apart: 'events' })).toEqual({
      path: 'b',
      message: TOO_LONG,
    });
  });

  it('leave of any values the texts that JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), (values) => {
        const texts = values.map((value) => JSON.stringify(value));
        expect(apart(`{"events":[${texts.join(',')}]}`)).toEqual({ events: texts });
      }),
    );
  });
});
