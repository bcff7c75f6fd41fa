import type postgres from 'postgres';

/** An admitted call, and the times (database's clock, in seconds) between which it was admitted. */
interface Admitted {
  after: number;
  before: number;
}

interface Pressure {
  admitted: Admitted[];
  calls: number;
  /** From before the first call until after the last one, in seconds. */
  lasted: number;
}

/** So many connections, each of which calls again and again for so long. `call` says whether the call was let through. */
export async function underPressure(
  sql: postgres.Sql,
  { callers, seconds }: { callers: number; seconds: number },
  call: (connection: postgres.ReservedSql, caller: number) => Promise<boolean>,
): Promise<Pressure> {
  const connections = await Promise.all(Array.from({ length: callers }, () => sql.reserve()));
  const admitted: Admitted[] = [];
  let calls = 0;
  try {
    const started = await clock(sql);
    await Promise.all(
      connections.map(async (connection, caller) => {
        let now = started;
        while (now < started + seconds) {
          const after = await clock(connection);
          const isAdmitted = await call(connection, caller);
          now = await clock(connection);
          calls += 1;
          if (isAdmitted) admitted.push({ after, before: now });
        }
      }),
    );
    return { admitted, calls, lasted: (await clock(sql)) - started };
  } finally {
    for (const connection of connections) connection.release();
  }
}

async function clock(sql: postgres.ISql): Promise<number> {
  const [row] = await sql<{ now: number }[]>`select extract(epoch from clock_timestamp())::float8 as now`;
  if (row === undefined) throw new Error('no clock');
  return row.now;
}

/**
 * By how many calls the busiest of all windows exceeds `burst + rate × its length`; at most 0 where the limit held. Windows
 * begin and end where a call does: between these none can have more in it.
 */
export function excess(admitted: readonly Admitted[], burst: number, perSecond: number): number {
  let worst = -Infinity;
  const byEnd = [...admitted].sort((one, other) => one.before - other.before);
  for (const { after: begin } of admitted) {
    let within = 0;
    for (const { after, before } of byEnd) {
      if (after < begin) continue;
      within += 1;
      worst = Math.max(worst, within - burst - perSecond * (before - begin));
    }
  }
  return worst;
}
