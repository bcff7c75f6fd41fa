/** What postgres.js throws outside of every promise when it writes to a connection that has just ended. */
export function isWriteToEndedConnection({ name, message, stack }: Partial<Error>): boolean {
  const [frame = ''] = /^ +at .*$/m.exec(stack ?? '') ?? [];
  return (
    name === 'TypeError' &&
    message === "Cannot read properties of null (reading 'write')" &&
    /\/postgres\/(?:src|cjs\/src)\/connection\.js:/.test(frame)
  );
}
