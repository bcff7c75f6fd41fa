import type postgres from 'postgres';

/** Leaves a transaction open, as a person in the SQL editor might. Returns a function that ends it. */
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
