import type { Finding, StoreHealth } from '../../contracts/health.ts';
import { PoolUnusable } from '../store/direct-store.ts';
import type { OpenStore, StoreReport } from '../store/open-store.ts';
import { STORE_ROLE } from '../store/routines.ts';

interface CheckedStore {
  finding: Finding;
  store: StoreHealth;
}

/** Asks for the identity over the direct connection, and judges it. */
export async function checkStore(inspectStore: OpenStore['inspectStore']): Promise<CheckedStore> {
  if (inspectStore === undefined) {
    return {
      finding: {
        check: 'store',
        level: 'skipped',
        message: 'STORE_DATABASE_URL is not set: SQL functions are called through the Data API',
      },
      store: { configured: false, next: 'rest', pool: null },
    };
  }
  const { next, asked } = await inspectStore();
  if ('error' in asked) {
    return { finding: faultOf(asked.error), store: { configured: true, next, pool: null } };
  }
  const { session, fastestMs } = asked;
  return {
    finding: judge(asked),
    store: {
      configured: true,
      next,
      pool: { role: session.role, road: session.road, fastest_ms: fastestMs },
    },
  };
}

/** The role's setting in the migration, as PostgreSQL prints it. */
const STATEMENT_TIMEOUT = '7s';

function judge({ session, fastestMs }: Exclude<StoreReport['asked'], { error: unknown }>): Finding {
  const { role, road, statement_timeout } = session;
  const message = `${role} is connected (${road}) and answered in ${fastestMs} ms`;
  if (role !== STORE_ROLE) {
    return {
      check: 'store',
      level: 'warning',
      message: `${message}; STORE_DATABASE_URL should name ${STORE_ROLE}`,
      action: `Name ${STORE_ROLE} in STORE_DATABASE_URL, and deploy again: that role may execute our functions and nothing else.`,
    };
  }
  if (statement_timeout !== STATEMENT_TIMEOUT) {
    return {
      check: 'store',
      level: 'warning',
      message: `${message}; its statement_timeout is ${statement_timeout} instead of ${STATEMENT_TIMEOUT}: a call may outlive its caller`,
      action: `As postgres, run: alter role ${STORE_ROLE} set statement_timeout = '${STATEMENT_TIMEOUT}'; then deploy again, for new connections.`,
    };
  }
  return { check: 'store', level: 'ok', message };
}

function faultOf(error: unknown): Finding {
  const message = error instanceof Error ? error.message : 'unknown error';
  if (!(error instanceof PoolUnusable)) {
    return {
      check: 'store',
      level: 'failed',
      message: `the direct connection to PostgreSQL did not answer as expected: ${message}`,
      action: 'Apply the migrations of this version with: npx supabase db push.',
    };
  }
  // Of a rejected log-in there is a cause: PostgreSQL's error.
  if (error.reason === 'refused' && error.cause === undefined) {
    return {
      check: 'store',
      level: 'failed',
      message: `${message}. The direct connection is not used: calls go through the Data API`,
      action: `Let STORE_DATABASE_URL name ${STORE_ROLE} (docs/operations.md, Direct connection), and deploy again.`,
    };
  }
  switch (error.reason) {
    case 'not granted':
      return {
        check: 'store',
        level: 'failed',
        message: `${message}. Such calls go through the Data API`,
        action: 'Apply the migrations of this version with: npx supabase db push.',
      };
    case 'refused':
    case 'unreachable':
    case 'silent':
      return {
        check: 'store',
        level: 'warning',
        message: `${message}${isPasswordFault(error) ? ' (wrong password, or none is set)' : ''}. Calls go through the Data API`,
        action: isPasswordFault(error)
          ? `As postgres, run: alter role ${STORE_ROLE} password '…'; then write the same password into STORE_DATABASE_URL, and deploy again.`
          : 'Compare STORE_DATABASE_URL with the address of the transaction pooler (Supabase: Connect), and look at the connections in use.',
      };
  }
}

/** SQLSTATEs of a rejected login, and Supavisor's equivalent. */
function isPasswordFault({ cause }: PoolUnusable): boolean {
  if (!(cause instanceof Error)) return false;
  const code = 'code' in cause ? cause.code : undefined;
  return code === '28P01' || code === '28000' || /tenant or user not found/i.test(cause.message);
}
