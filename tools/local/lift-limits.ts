import type postgres from 'postgres';

/**
 * For programs that count what one sender gets through, as fast as the machine can: the limiter still does all its work, but
 * never refuses.
 */
export async function liftLimits(sql: postgres.Sql): Promise<void> {
  await sql`
    update private.rate_limits set tokens_per_minute = 1000000, burst = 1000000 where kind in ('sender', 'report')`;
}
