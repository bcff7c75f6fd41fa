import type { ProjectDevFile } from '../../src/contracts/dev.ts';

/** The addresses, keys and sign-ins of a running local system, for a terminal. */
export function describeAccess(dev: ProjectDevFile, directory: string): string {
  const rows: [string, string][] = [
    ['Page and functions', dev.url],
    ['Supabase API', dev.supabaseUrl],
    ['Postgres', dev.databaseUrl],
    ['Publishable key', dev.publishableKey],
    ['Secret key', dev.secretKey],
    ['WEBHOOK_SECRET', dev.webhookSecret],
    ['PIPELINE_API_KEY', dev.pipelineApiKey],
    ['CRON_SECRET', dev.cronSecret],
    ['Operator', signIn(dev.operator)],
    ['User', signIn(dev.user)],
    ['Data', directory],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(20)} ${value}`);
  return ['', 'The local system runs. Ctrl-C stops it.', '', ...lines, ''].join('\n');
}

function signIn(account: ProjectDevFile['user']): string {
  return account === undefined
    ? 'your own: this project is not local'
    : `${account.email}  ${account.password}`;
}
