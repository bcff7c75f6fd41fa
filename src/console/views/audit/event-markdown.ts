import { describeStep } from '../../ui/timeline-step.tsx';
import type { EventTimeline } from '../../../contracts/console-audit.ts';

/** An event and its timeline as Markdown, for a ticket or a chat. Times are UTC, since readers may be anywhere. */
export function eventMarkdown(
  id: string,
  { event, steps }: EventTimeline,
  nameOf: (id: string) => string,
): string {
  const facts =
    event === null
      ? ['No request with this id was accepted.']
      : [
          `- Type: ${event.type}`,
          `- Report: ${[event.report_type, event.stage].filter((part) => part !== null).join(', ')}, \`${event.report_id}\``,
          `- Effect: ${event.effect ?? 'none yet'}`,
        ];
  const lines = steps.map((step) => {
    const { title, notes } = describeStep(step, nameOf);
    const rest = notes.filter((note) => note !== null).map(escapeMarkdown);
    const time = Number.isNaN(Date.parse(step.at)) ? step.at : new Date(step.at).toISOString();
    return `- ${time} **${escapeMarkdown(title)}**${rest.length > 0 ? `: ${rest.join('; ')}` : ''}`;
  });
  return [`## Event \`${id}\``, '', ...facts, '', ...lines, ''].join('\n');
}

/** Texts of others stay text, on one line. */
function escapeMarkdown(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|!~]/g, '\\$&');
}
