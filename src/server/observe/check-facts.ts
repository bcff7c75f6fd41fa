import type { DeploymentFacts, Finding } from '../../contracts/health.ts';
import { BACKLOG_COUNTED, minutesLeft } from '../../contracts/retry.ts';

/** Tables that the migrations publish for the console. */
const PUBLISHED = ['webhook_deliveries', 'webhook_circuits', 'report_notifications'];

/** The cron runs every minute; Vercel may call late, and a sweep may take most of its minute. */
const CRON_LATE_SECONDS = 150;
const CRON_MISSING_SECONDS = 300;

/** Signatures are rejected from 300 s on: this limit leaves time to act. */
const CLOCK_WARNING_SECONDS = 5;
const CLOCK_FAILURE_SECONDS = 60;

/** A backlog that takes longer needs attention. */
const SLOW_BACKLOG_MINUTES = 30;

const CONNECTIONS_WARNING_SHARE = 0.7;
const CONNECTIONS_FAILURE_SHARE = 0.9;

/** Judges what the database reports about itself. */
export function checkFacts(facts: DeploymentFacts): Finding[] {
  return [
    checkCron(facts),
    checkBacklog(facts),
    checkAlerts(facts),
    checkConnections(facts),
    checkIndexes(facts),
    checkPublication(facts),
    checkAccounts(facts),
  ];
}

export function checkCron({ heartbeats }: Pick<DeploymentFacts, 'heartbeats'>): Finding {
  const { seconds_ago } = heartbeats.sweep;
  const action =
    'Vercel calls the crons of vercel.json in production only, every minute only on a paid plan, and sends CRON_SECRET: look at Settings, Cron Jobs, and at the log of api/cron/sweep. Otherwise let Supabase call the sweep: private.schedule_sweep() (docs/operations.md).';
  if (seconds_ago === null) {
    return { check: 'cron', level: 'failed', message: 'the cron has never run a sweep', action };
  }
  const message = `the last sweep of the cron ran ${inWords(seconds_ago)} ago`;
  if (seconds_ago > CRON_MISSING_SECONDS) return { check: 'cron', level: 'failed', message, action };
  if (seconds_ago > CRON_LATE_SECONDS) return { check: 'cron', level: 'warning', message, action };
  return { check: 'cron', level: 'ok', message };
}

/** The backlog, and its duration at the current pace. */
export function checkBacklog({ backlog }: Pick<DeploymentFacts, 'backlog'>): Finding {
  const { due, confirmed } = backlog;
  const minutes = minutesLeft(backlog);
  if (minutes === 0) return { check: 'deliveries', level: 'ok', message: 'no delivery is due' };
  const more = due > BACKLOG_COUNTED ? 'more than ' : '';
  const pace = `${more}${Math.min(due, BACKLOG_COUNTED)} deliveries are due, and ${confirmed} arrived in the last minute`;
  if (minutes !== null && minutes <= SLOW_BACKLOG_MINUTES) {
    return { check: 'deliveries', level: 'ok', message: `${pace}: about ${more}${minutes} min are left` };
  }
  return {
    check: 'deliveries',
    level: 'warning',
    message: minutes === null ? pace : `${pace}: about ${more}${minutes} min are left`,
    action:
      'Look at the circuits and at the causes of failures in the console. Each sweep sends as fast as our own endpoints allow, and starts up to four parallel ones.',
  };
}

/** Firing alerts, and whether they are delivered. */
export function checkAlerts({ alerts }: Pick<DeploymentFacts, 'alerts'>): Finding {
  const { firing, worst, rules, undelivered, dead } = alerts;
  if (dead > 0 || undelivered > 0) {
    return {
      check: 'alerts',
      level: 'failed',
      message: `${undelivered} alerts are not delivered yet, and ${dead} became dead in the last 7 days`,
      action:
        'Read the column error of public.alert_deliveries, and correct ALERT_URLS or the receiver. Alerts are retried for a day.',
    };
  }
  if (firing > 0) {
    return {
      check: 'alerts',
      level: worst === 'critical' ? 'failed' : 'warning',
      message: `${firing} alerts fire: ${rules.join(', ')}`,
      action: 'Look each rule up in docs/operations.md, Alerts.',
    };
  }
  return { check: 'alerts', level: 'ok', message: 'no alert fires' };
}

export function checkConnections({ connections }: Pick<DeploymentFacts, 'connections'>): Finding {
  const { used, most } = connections;
  const message = `${used} of ${most} database connections are used`;
  const share = used / most;
  if (share < CONNECTIONS_WARNING_SHARE) return { check: 'connections', level: 'ok', message };
  return {
    check: 'connections',
    level: share < CONNECTIONS_FAILURE_SHARE ? 'warning' : 'failed',
    message,
    action:
      'Find who holds them: select usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3. Let other services use the pooler, or take a larger compute size.',
  };
}

export function checkIndexes({ unfinished }: Pick<DeploymentFacts, 'unfinished'>): Finding {
  if (unfinished.length === 0) {
    return { check: 'indexes', level: 'ok', message: 'the large tables have all their indexes' };
  }
  return {
    check: 'indexes',
    level: 'warning',
    message: `the database lacks ${unfinished.join(', ')}: sweeps and the console read whole tables`,
    action:
      'Run npm run upgrade with DATABASE_URL (the direct or the session address): it builds them while everything else goes on (docs/upgrading.md).',
  };
}

export function checkPublication({ realtime }: Pick<DeploymentFacts, 'realtime'>): Finding {
  const missing = PUBLISHED.filter((table) => realtime?.tables.includes(table) !== true);
  if (missing.length === 0) {
    return { check: 'realtime', level: 'ok', message: 'Realtime publishes what the console listens to' };
  }
  return {
    check: 'realtime',
    level: 'warning',
    message:
      realtime === null
        ? 'the database has no publication supabase_realtime: the console refreshes every few seconds only'
        : `Realtime does not publish ${missing.join(', ')}: the console refreshes every few seconds only`,
    action: `Turn Realtime on (Supabase: Database, Publications), and run: alter publication supabase_realtime add table ${missing.map((table) => `public.${table}`).join(', ')};`,
  };
}

export function checkAccounts({ accounts_guarded }: Pick<DeploymentFacts, 'accounts_guarded'>): Finding {
  if (accounts_guarded) {
    return {
      check: 'accounts',
      level: 'ok',
      message: 'deleting an account waits for writers of its reports',
    };
  }
  return {
    check: 'accounts',
    level: 'warning',
    message:
      'the trigger polaris_lock_account or the trigger polaris_note_account_deletion is missing or disabled on auth.users: deleting an account may deadlock with a writer of its reports, or its content may stay until an operator erases the account',
    action:
      'As postgres, run: select private.guard_accounts(); it creates a missing trigger. Only the owner of auth.users can enable a disabled trigger.',
  };
}

export interface Reading {
  /** Owner of the clock, for the message. */
  name: string;
  /** Milliseconds since the epoch, at the same instant. */
  time: number;
  reference: number;
}

/** Compares clocks with the database's, which decides what is due. */
export function checkClocks(readings: readonly Reading[]): Finding {
  const differences = readings.map(({ name, time, reference }) => ({
    name,
    seconds: (time - reference) / 1000,
  }));
  const worst = differences.reduce((a, b) => (Math.abs(b.seconds) > Math.abs(a.seconds) ? b : a), {
    name: '',
    seconds: 0,
  });
  const size = Math.abs(worst.seconds);
  if (size < CLOCK_WARNING_SECONDS) {
    const names = [...new Set(differences.map(({ name }) => name))].join(' and of ');
    return { check: 'clock', level: 'ok', message: `the clock of the database agrees with that of ${names}` };
  }
  return {
    check: 'clock',
    level: size < CLOCK_FAILURE_SECONDS ? 'warning' : 'failed',
    message: `the clock of ${worst.name} is ${inWords(size)} ${worst.seconds > 0 ? 'ahead of' : 'behind'} that of the database`,
    action:
      'Signed webhooks are refused when the clocks differ by more than 5 minutes: synchronise the clock (NTP). For a deployment or a hosted database, ask its provider.',
  };
}

/** Compares the database's history with the versions in the migrations folder. */
export function checkMigrations(applied: readonly string[] | null, present: readonly string[]): Finding {
  if (applied === null) {
    return {
      check: 'migrations',
      level: 'failed',
      message: 'the database has no history of migrations',
      action: 'Apply the migrations with: npx supabase db push (docs/operations.md).',
    };
  }
  const missing = present.filter((version) => !applied.includes(version));
  const unknown = applied.filter((version) => !present.includes(version));
  if (missing.length > 0) {
    return {
      check: 'migrations',
      level: 'failed',
      message: `the database lacks ${missing.length} of ${present.length} migrations: ${missing.join(', ')}`,
      action: 'Apply the migrations with: npx supabase db push, before the functions of the same version.',
    };
  }
  if (unknown.length > 0) {
    return {
      check: 'migrations',
      level: 'warning',
      message: `the database has ${unknown.length} migrations that this folder lacks: ${unknown.join(', ')}`,
      action:
        'The functions may be older than the database, which is allowed. Run the doctor of the newest version.',
    };
  }
  return { check: 'migrations', level: 'ok', message: `the database has all ${present.length} migrations` };
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

function inWords(seconds: number): string {
  if (seconds < 2 * MINUTE_SECONDS) return `${Math.round(seconds)} s`;
  if (seconds < 2 * HOUR_SECONDS) return `${Math.round(seconds / MINUTE_SECONDS)} min`;
  if (seconds < 2 * DAY_SECONDS) return `${Math.round(seconds / HOUR_SECONDS)} h`;
  return `${Math.round(seconds / DAY_SECONDS)} days`;
}
