import { createServer } from 'node:http';
import postgres from 'postgres';
import { catchUp } from './catch-up.ts';
import { createReceiver } from './receive.ts';

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const CATCH_UP_MS = 10 * 60 * 1000;

const sql = postgres(required('DATABASE_URL'), { onnotice: () => undefined });
const list = { url: required('POLARIS_EVENTS_URL'), readToken: required('POLARIS_READ_TOKEN') };
const secrets = required('POLARIS_SECRETS').split(' ');

await sql.file(new URL('schema.sql', import.meta.url).pathname);
const server = createServer(createReceiver({ sql, secrets }));
server.listen(Number(process.env['PORT'] ?? 8080), () => {
  console.log('ready');
});

const catchUpNow = () =>
  catchUp(sql, list).then(
    (events) => {
      console.log(`caught up: ${events} events`);
    },
    (error: unknown) => {
      // The next time goes on from the same cursor.
      console.error(error);
    },
  );
await catchUpNow();
const timer = setInterval(() => void catchUpNow(), CATCH_UP_MS);

process.once('SIGTERM', () => {
  clearInterval(timer);
  server.close(() => void sql.end());
});
