import type postgres from 'postgres';

/** Somebody's open transaction in the SQL editor. Answers how to end it. */
export async function holdOpen(
  editor: postgres.Sql,
  lock: (other: postgres.ReservedSql) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const other = await editor.reserve();
  await other`begin`;
  await lock(other);
  return async () => {
    await other`rollback`;
    other.release();
  };
}
