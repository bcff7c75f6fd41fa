import { expect, it } from 'vitest';
import { isWriteToEndedConnection } from '../../../tools/local/ended-connection.ts';

const MESSAGE = "Cannot read properties of null (reading 'write')";
const DRIVER = '    at nextWrite (file:///project/node_modules/postgres/src/connection.js:255:22)';
const OURS = '    at send (file:///project/src/server/store/direct-store.ts:10:5)';

function thrown(message: string, ...frames: string[]): TypeError {
  const error = new TypeError(message);
  error.stack = [`TypeError: ${message}`, ...frames].join('\n');
  return error;
}

it('knows what the driver throws when it writes to a connection that has ended', () => {
  expect(isWriteToEndedConnection(thrown(MESSAGE, DRIVER, OURS))).toBe(true);
});

it.each<[string, Error]>([
  ['the same message of our own code', thrown(MESSAGE, OURS, DRIVER)],
  ['another message of the driver', thrown("Cannot read properties of null (reading 'end')", DRIVER)],
  ['an error without frames', thrown(MESSAGE)],
  ['another kind of error', Object.assign(new Error(MESSAGE), { stack: `Error: ${MESSAGE}\n${DRIVER}` })],
])('does not take %s for it', (_what, error) => {
  expect(isWriteToEndedConnection(error)).toBe(false);
});
