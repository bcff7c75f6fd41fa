import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import { alertEvent } from '../../../src/contracts/alerts.ts';
import { filter } from '../../../src/contracts/filters.ts';
import { deprecationHeaders, FORMAT_VERSIONS } from '../../../src/contracts/format-versions.ts';
import { jobAccepted, jobRequest, jobResult, jobView } from '../../../src/contracts/jobs.ts';
import { platformJobRequest } from '../../../src/contracts/platform-job-request.ts';
import { planFilter, planRequest, replayFilter } from '../../../src/contracts/plans.ts';
import { PROBLEMS, problemOf } from '../../../src/contracts/problem.ts';
import {
  ENDPOINT_ACTIONS,
  eventSelection,
  FAN_OUT_REASONS,
  subscriberSettings,
} from '../../../src/contracts/subscribers.ts';
import { RATE_KINDS } from '../../../src/contracts/rate-limit.ts';
import { cronAnswer, redriveRequest, retryRequest, sweepAnswer } from '../../../src/contracts/retry.ts';
import { batchResult, reportData, webhookAnswer } from '../../../src/contracts/webhooks.ts';
import { alertMessage } from '../../../src/server/observe/alerts/alert-message.ts';
import { codeIn, readText, tableOf } from './page.ts';

const page = readText('docs/contract.md');

it('has a row for every function, with its methods', () => {
  const described = Object.fromEntries(
    page
      .split('\n')
      .filter((line) => line.startsWith('| `/api/'))
      .map((line) => codeIn(line))
      .map(([path = '', ...methods]) => [path, methods.sort()]),
  );
  const files = globSync('api/**/*.ts', { cwd: projectRoot });
  const deployed = Object.fromEntries(
    files.map((file) => {
      const source = readText(file);
      // A webhook's function takes every method, to audit those that it refuses.
      const methods = /receive(Webhook|Batch|Ping)\(services\(\),/.test(source)
        ? ['POST']
        : source.includes('readEvents(services(),')
          ? ['GET']
          : [...source.matchAll(/\b(GET|HEAD|POST|PATCH|DELETE): (?:\(|show|headOf)/g)].map(
              ([, method = '']) => method,
            );
      return [`/${file.replace(/\.ts$/, '')}`, methods.sort()];
    }),
  );
  expect(described).toEqual(deployed);
});

describe('the table of members', () => {
  const [, redriveByFilter] = redriveRequest.options;
  const inheritedBy = (shape: object, base: object) => Object.keys(shape).filter((name) => !(name in base));
  it.each<[string, string[]]>([
    ['jobRequest', Object.keys(jobRequest.shape)],
    ['jobAccepted', Object.keys(jobAccepted.shape)],
    ['jobView', Object.keys(jobView.shape)],
    ['jobResult', Object.keys(jobResult.shape)],
    ['reportData', Object.keys(reportData.shape)],
    ['webhookAnswer', Object.keys(webhookAnswer.shape)],
    ['batchResult', Object.keys(batchResult.shape)],
    ['retryRequest', Object.keys(retryRequest.shape)],
    ['redriveFilter', Object.keys(redriveByFilter.shape.filter.shape)],
    ['planRequest', Object.keys(planRequest.shape)],
    ['planFilter', Object.keys(planFilter.shape)],
    ['replayFilter', Object.keys(replayFilter.shape)],
    ['subscriberSettings', Object.keys(subscriberSettings.shape)],
    ['eventSelection', Object.keys(eventSelection.shape)],
    ['sweepAnswer', Object.keys(sweepAnswer.shape)],
    ['alertEvent', Object.keys(alertEvent.shape.data.shape)],
    ['cronAnswer', inheritedBy(cronAnswer.shape, sweepAnswer.shape)],
  ])('%s has those of the schema, in its order', (name, members) => {
    expect(tableOf(page, `fields: ${name}`).map(([member = '']) => member)).toEqual(
      members.map((member) => `\`${member}\``),
    );
  });
});

it.each<[string, readonly string[]]>([
  ['endpoint actions', ENDPOINT_ACTIONS],
  ['fan-out reasons', FAN_OUT_REASONS],
])('has the %s', (name, values) => {
  expect(tableOf(page, name).map(([value = '']) => value)).toEqual(values.map((value) => `\`${value}\``));
});

it('shows an alert event as it is sent', () => {
  const [example = ''] = /(?<=```json\n)\{\n {2}"type": "alert[^]*?(?=```)/.exec(page) ?? [];
  const event = alertEvent.parse(JSON.parse(example));
  const alert = { ...event.data, fired_at: event.data.since };
  expect(event).toEqual(alertMessage(alert, 'https://polaris.example.com'));
});

it('has each format version, and when it is deprecated and refused', () => {
  const described = tableOf(page, 'format versions').map(([version = '']) => version);
  expect(described).toEqual(FORMAT_VERSIONS.map(({ date }) => `\`${date}\``));
  const dayOf = (time: number) =>
    new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(time);
  const { deprecation = '', sunset = '' } = deprecationHeaders('2024-01-01');
  expect(page).toContain(`deprecated since ${dayOf(Number(deprecation.slice(1)) * 1000)}`);
  expect(page).toContain(`refused from ${dayOf(Date.parse(sunset))}`);
});

it('shows a filter that is accepted', () => {
  const [example = ''] = /(?<=## Filters\n[^]*?```json\n)[^]*?(?=```)/.exec(page) ?? [];
  expect(filter.safeParse(JSON.parse(example)).error).toBeUndefined();
});

it('names every member that the platform’s clients may send', () => {
  const [section = ''] = /^### `POST`: request a job[^]*?(?=^### `GET)/m.exec(page) ?? [];
  const named = codeIn(section);
  const members = Object.keys(platformJobRequest.shape);
  expect(members).toContain('idempotency_key');
  expect(members.filter((member) => !named.includes(member))).toEqual([]);
});

it('has every SQLSTATE of ours that a write into the tables of reports meets', () => {
  const raised = globSync('supabase/sql/reports/*.sql', { cwd: projectRoot }).flatMap((file) =>
    [...readText(file).matchAll(/errcode = '(PL\d{3})'/g)].map(([, code = '']) => code),
  );
  const described = codeIn(page).filter((code) => /^PL\d{3}$/.test(code));
  expect(raised.length).toBeGreaterThan(2);
  expect([...new Set(described)].sort()).toEqual([...new Set(raised)].sort());
});

it('has each problem code with its status, its title and whether it is final', () => {
  const described = tableOf(page, 'problems').map((cells) => cells.slice(0, 4));
  expect(described).toEqual(
    Object.entries(PROBLEMS).map(([code, { status, title, final }]) => [
      `\`${code}\``,
      String(status),
      title,
      final ? 'yes' : 'no',
    ]),
  );
});

it('names problem codes only beside their status', () => {
  const named = [...page.matchAll(/\b([45]\d\d)\s+(?:\| )?((?:`[a-z_]+`(?:,\s+)?)+)/g)].flatMap(
    ([, status, codes = '']) => codeIn(codes).map((code) => ({ code, status: Number(status) })),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ code, status }) => problemOf(code)?.status !== status)).toEqual([]);
});

/** The value of a constant that is a number or a product of numbers, in TypeScript or PL/pgSQL. */
function constantIn(source: string, name: string): number {
  const value = new RegExp(`\\b${name}(?: =| constant int :=) ([\\d_ *]+);`).exec(source)?.[1];
  if (value === undefined) throw new Error(`no number ${name}`);
  return value.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1);
}

it('has the limits that the code has', () => {
  const limits = tableOf(page, 'limits');
  const described = limits.map(([limit, number = '']) => [limit, ...codeIn(number).map(Number)]);
  const real = limits.map(([limit, , where = '']) => {
    const [name = '', file = ''] = codeIn(where);
    return [limit, constantIn(readText(file), name)];
  });
  expect(described).toEqual(real);
});

it('has the rates that the migration sets', () => {
  const [file = ''] = globSync('supabase/migrations/*_limit_trace_and_watch.sql', { cwd: projectRoot });
  const [, values = ''] = /insert into private\.rate_limits [^;]*?values([^;]*);/.exec(readText(file)) ?? [];
  const set = [...values.matchAll(/\('(\w+)', (\d+), (\d+), \d+\)/g)].map(([, ...row]) => row);
  expect(set.map(([kind]) => kind)).toEqual(RATE_KINDS);
  expect(
    tableOf(page, 'rates').map(([kind = '', , rate = '', burst = '']) =>
      [kind, rate, burst].map((cell) => codeIn(cell)[0]),
    ),
  ).toEqual(set);
});

it('has the numbers of the sending policy that SQL has', () => {
  const sql = readText('supabase/sql/deliver/sending_policy.sql');
  const names = [...sql.matchAll(/\bout (\w+) /g)].map(([, name = '']) => name);
  const values = names.map((name) => {
    const assigned = new RegExp(`^  ${name} := (?:'([^']+)'|([\\d.]+));$`, 'm').exec(sql);
    const value = assigned?.[1] ?? assigned?.[2] ?? `${name} has no value`;
    return value.startsWith('{') ? value.slice(1, -1).split(',') : [value];
  });
  expect(
    tableOf(page, 'sending policy').map(([name = '', value = '']) => [codeIn(name)[0], codeIn(value)]),
  ).toEqual(names.map((name, index) => [name, values[index]]));
});
