import type { BenchResult, Callers, Cpu, Latency, Rate } from './result.ts';
import { describeMachine } from './machine.ts';
import { cpuOfPeer, FIRST_VERSION, goalsOf, isReached, totalCpu } from './goals.ts';

/** Formats the figures as Markdown tables, followed by whether each goal was reached. */
export function describeBench(result: BenchResult): string {
  const { machine, webhook, webhookDirect, lite, batch, peers, sweep50Ms, verify } = result;
  return [
    describeMachine(machine),
    ...table(
      [
        '',
        'p50',
        'p99',
        '/s',
        'p50 of 16',
        'p99 of 16',
        '/s of 16',
        'CPU',
        'functions, host, REST, database',
      ],
      [
        subject('empty function', result.bare),
        subject('floor: an empty call, REST', result.floor),
        subject('floor: an empty call, lite', lite.floor),
        subject('floor: an empty call, direct', result.floorDirect),
        subject('SQL alone', result.direct),
        subject('webhook of 6 KB, REST', webhook.new6kb),
        subject('webhook of 6 KB, lite', lite.new6kb),
        subject('webhook of 6 KB, direct', webhookDirect.new6kb),
        subject('duplicate of 6 KB, REST', webhook.duplicate6kb),
        subject('duplicate of 6 KB, direct', webhookDirect.duplicate6kb),
        subject('webhook of 200 KB, REST', webhook.new200kb),
        subject('webhook of 200 KB, direct', webhookDirect.new200kb),
      ],
    ),
    ...table(
      ['events', 'REST, /s', 'CPU', 'direct, /s', 'CPU'],
      [
        ['single', ...rate(batch.single.rest), ...rate(batch.single.direct)],
        ['in batches of 10', ...rate(batch['10'].rest), ...rate(batch['10'].direct)],
        ['in batches of 100', ...rate(batch['100'].rest), ...rate(batch['100'].direct)],
      ],
    ),
    ...table(
      ['6 KB', 'jobs/s', 'CPU', 'process', 'database'],
      (
        [
          ['pg-boss: send, fetch, complete', peers.pgBoss],
          ['graphile-worker: the same', peers.graphileWorker],
          ['receiving a webhook, direct', peers.receiving],
          ['a whole job, direct', peers.wholeJob],
        ] as const
      ).map(([name, peer]) => [
        name,
        String(peer.perSecond),
        ...[cpuOfPeer(peer), peer.cpuMs.client, peer.cpuMs.database].map(ms),
      ]),
    ),
    ...table(
      ['', 'now', 'first version'],
      [
        ['p50 of a webhook, REST', ms(webhook.new6kb.c1.p50Ms), ms(FIRST_VERSION.webhookP50Ms)],
        ['/s, one caller', String(webhook.new6kb.c1.perSecond), String(FIRST_VERSION.webhookPerSecond.c1)],
        ['/s, 16 callers', String(webhook.new6kb.c16.perSecond), String(FIRST_VERSION.webhookPerSecond.c16)],
        [
          'REST calls of a webhook',
          String(result.restCallsPerWebhook),
          String(FIRST_VERSION.restCallsPerWebhook),
        ],
        ['REST calls of a job', String(result.restCallsPerJob), String(FIRST_VERSION.restCallsPerJob)],
        ['sweep of 50, REST', ms(sweep50Ms.rest), ms(FIRST_VERSION.sweep50Ms)],
        ['sweep of 50, direct', ms(sweep50Ms.direct), ''],
        ['heap after 10,000 requests', `${result.heapAfter10kMB} MB`, `${FIRST_VERSION.heapAfter10kMB} MB`],
      ],
    ),
    ...table(
      ['verifications/s', 'ours', 'svix'],
      Object.entries(result.verifyPerSecond).map(([bytes, { ours, svix }]) => [
        `${Number(bytes) / 1024} KB`,
        String(ours),
        String(svix),
      ]),
    ),
    ...table(
      ['import of a built function', ''],
      Object.entries(result.importMs).map(([path, each]) => [path, `${each.toFixed(0)} ms`]),
    ),
    '',
    `verify_reports() checked ${verify.events} events, ${verify.perSecond.toFixed(0)} a second`,
    '',
    ...goalsOf(result).map(
      (goal) =>
        `${isReached(goal) ? 'reached' : 'MISSED '}  ${goal.name}: ${goal.value.toFixed(2)} (${goal.bound} ${Number(goal.goal.toFixed(2))})`,
    ),
  ].join('\n');
}

function subject(name: string, { c1, c16 }: Callers): string[] {
  const of = ({ p50Ms, p99Ms, perSecond }: Latency) => [ms(p50Ms), ms(p99Ms), String(perSecond)];
  return [name, ...of(c1), ...of(c16), ms(totalCpu(c16.cpuMs)), parts(c16.cpuMs)];
}

function rate({ perSecond, cpuMs }: Rate): string[] {
  return [String(perSecond), ms(totalCpu(cpuMs))];
}

function parts({ functions, host, rest, database }: Cpu): string {
  return [functions, host, rest, database].map((value) => value.toFixed(2)).join(', ');
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

/** A Markdown table with an empty line in front. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((text, column) =>
    Math.max(3, text.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return ['', line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
