import type { Call } from './call.ts';
import { shorten } from './shorten.ts';

const BAR_CHARACTERS = 24;
/** Of the hash of a text: enough to tell texts apart by eye. */
const TEXT_CHARACTERS = 13;

/** The shortest history that no order explains, as a timeline: a line for each call, in the order of their begins. */
export function describe(calls: readonly Call[]): string[] {
  const { needed, forgotten } = shorten(calls);
  const shown = needed.toSorted((one, other) => one.begin - other.begin);
  const start = Math.min(...calls.map(({ begin }) => begin));
  const times = shown.flatMap(({ begin, end }) => [begin, end ?? begin]);
  const scale = { least: Math.min(...times), most: Math.max(...times) };
  const lines = shown.flatMap((call) => {
    const [begin, end] = [call.begin, call.end ?? scale.most].map((time) =>
      `${Math.round(time - start)}`.padStart(7),
    );
    const answer = sayAnswer(call);
    const said = `${bar(call, scale)} ${begin} –${end} ms  ${sayCall(call)} → ${answer[0] ?? 'none'}`;
    return [said, ...answer.slice(1).map((line) => `${' '.repeat(BAR_CHARACTERS)} then ${line}`)];
  });
  const count = Map.groupBy(forgotten, (call) => call.call);
  const rest = [...count].map(([name, those]) => `${those.length} ${name}`).join(', ');
  return [
    'No order of the calls explains these answers:',
    ...lines,
    ...(rest === ''
      ? []
      : [`Other calls do not explain them either, whether they happened or not: ${rest}.`]),
  ];
}

function bar({ begin, end }: Call, { least, most }: { least: number; most: number }): string {
  const place = (time: number) =>
    Math.round(((time - least) / Math.max(1, most - least)) * (BAR_CHARACTERS - 1));
  const [from, to] = [place(begin), place(end ?? most)];
  return ' '.repeat(from) + '█'.repeat(to - from + 1) + ' '.repeat(BAR_CHARACTERS - 1 - to);
}

function sayCall(call: Call): string {
  switch (call.call) {
    case 'request':
      return `request of a ${call.stage} (${call.job}, requested at ${call.at ?? 'no time'})`;
    case 'complete':
      return `result of ${call.job}: event ${call.event ?? 'none'}, ${sayContent(call)}`;
    case 'webhook':
      return `webhook ${call.event} of ${call.job}: ${call.stage}, requested at ${call.at}, ${sayContent(call)}`;
    case 'write':
      return `write by ${call.by === 'owner' ? 'the owner' : 'the platform'}: ${sayContent({ ...call, failed: false })}`;
    case 'direct update':
      return `direct update of ${call.event}`;
    case 'erase':
      return `erasure of ${call.what}`;
    case 'delete':
      return 'deletion of the report';
    case 'read':
      return 'read';
    case 'list events':
      return 'effects in the end, in order';
  }
}

/** In lines. */
function sayAnswer({ answer }: Call): string[] {
  if (answer === null) return ['no answer'];
  if (typeof answer === 'string') return [answer];
  if (!Array.isArray(answer)) return [`${sayContent({ ...answer, failed: false })}, ${answer.status}`];
  return answer.map(({ event, at, effect }) => `${event} ${effect} (requested at ${at})`);
}

function sayContent({ text, failed }: { text: string | null; failed: boolean }): string {
  if (failed) return 'failed';
  return text === null ? 'no text' : `text ${text.slice(0, TEXT_CHARACTERS)}`;
}
