import { expect, it } from 'vitest';
import { namedErasures } from '../../../tools/polaris/named-erasures.ts';

const ONE = '0a0e4c5e-0000-4000-8000-000000000001';
const OTHER = '0a0e4c5e-0000-4000-8000-000000000002';
const printed = (user: string) => JSON.stringify({ erased: user, time: '2026-11-01T00:00:00.000Z' });
const logged = (user: string) =>
  JSON.stringify({ level: 'info', message: 'the content of an account was erased', erased: user });
const wrapped = (text: string) => JSON.stringify({ id: 1, level: 'info', message: text, source: 'lambda' });
const read = (text: string) => namedErasures(Buffer.from(text));

it.each<[string, string]>([
  ['lines as they are printed', `${printed(ONE)}\r\n${printed(OTHER.toUpperCase())}\n${printed(ONE)}`],
  [
    'lines of our log among others',
    `{"level":"info","message":"x"}\n${logged(ONE)}\nuser 5\n${logged(OTHER)}`,
  ],
  ['lines with a time before them', `2026-11-02T00:00:00Z [fn {sweep}] ${logged(ONE)}\n  ${logged(OTHER)}`],
  ['lines that a log drain wraps as a string', `${wrapped(logged(ONE))}\n${wrapped(printed(OTHER))}`],
  ['lines that were wrapped twice', `${wrapped(wrapped(logged(ONE)))}\n${wrapped(wrapped(logged(OTHER)))}`],
  ['one array', JSON.stringify([JSON.parse(logged(ONE)) as unknown, { text: logged(OTHER) }], null, 2)],
  [
    'objects in objects',
    JSON.stringify({ rows: [{ event: JSON.parse(printed(ONE)) as unknown }, { log: printed(OTHER) }] }),
  ],
])('finds the users in %s', (_what, text) => {
  expect(read(text)).toEqual({ users: [ONE, OTHER], unread: [] });
});

it.each<[string, Buffer]>([
  ['UTF-16, little end first', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(printed(ONE), 'utf16le')])],
  [
    'UTF-16, big end first',
    Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(printed(ONE), 'utf16le').swap16()]),
  ],
  ['UTF-8 with a mark', Buffer.from(`\ufeff${printed(ONE)}`)],
])('reads %s', (_what, bytes) => {
  expect(namedErasures(bytes)).toEqual({ users: [ONE], unread: [] });
});

it('names the users of lines that it cannot read', () => {
  const cut = wrapped(logged(OTHER)).slice(0, -10);
  expect(read(`${printed(ONE)}\n${cut}`)).toEqual({ users: [ONE], unread: [OTHER] });
});

it('ignores users named only in a quoted text, which a sender may have written', () => {
  const line = JSON.stringify({ level: 'error', message: 'refused', detail: printed(ONE) });
  expect(read(line)).toEqual({ users: [], unread: [ONE] });
  expect(read(wrapped(line))).toEqual({ users: [], unread: [ONE] });
});

it.each(['', 'nothing\n', '{"erased":3}', '{"erased":"somebody"}', '[]', 'null', '{'])(
  'finds nobody in %j',
  (text) => {
    expect(read(text)).toEqual({ users: [], unread: [] });
  },
);
