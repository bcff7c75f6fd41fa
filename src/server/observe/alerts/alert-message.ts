import { wordsOf, type AlertAt, type AlertEvent } from '../../../contracts/alerts.ts';

/** The body of an alert: a function of the stored alert and the console's address, so every attempt sends the same. */
export function alertMessage(alert: AlertAt, consoleUrl: string): AlertEvent {
  const words = wordsOf(alert.rule);
  const isOver = alert.resolved_at !== null;
  return {
    type: isOver ? 'alert.resolved' : 'alert.firing',
    timestamp: alert.resolved_at ?? alert.fired_at,
    data: {
      alert_id: alert.alert_id,
      rule: alert.rule,
      subject: alert.subject,
      severity: alert.severity,
      title: words.title,
      summary: words.says(alert),
      meaning: words.meaning,
      action: words.action,
      lost: isOver ? words.lost : null,
      since: alert.since,
      resolved_at: alert.resolved_at,
      value: alert.value,
      threshold: alert.threshold,
      affected: alert.affected,
      facts: alert.facts,
      url: `${consoleUrl}/alerts?alert=${alert.alert_id}`,
      runbook: `docs/operations.md#${alert.rule}`,
    },
  };
}

/** The same in Slack's format (Slack, "Incoming webhooks" and "Formatting text"): `text` is what notifications show. */
export function slackMessage({ type, data }: AlertEvent): object {
  const isOver = type === 'alert.resolved';
  const name = data.subject === '' ? data.title : `${data.title}: ${data.subject}`;
  const headline = `${isOver ? 'RESOLVED' : data.severity === 'critical' ? 'CRITICAL' : 'WARNING'} ${name}`;
  const lines = isOver
    ? [`Since ${data.since}, until ${data.resolved_at ?? ''}. Last: ${data.summary}`, data.lost ?? '']
    : [`Since ${data.since}. ${data.summary}`, data.meaning, `To do: ${data.action}`];
  return {
    text: escaped(headline),
    blocks: [
      {
        type: 'section',
        text: { type: 'mrkdwn', text: `*${escaped(headline)}*\n${escaped(lines.join('\n'))}` },
      },
      {
        type: 'context',
        elements: [
          {
            type: 'mrkdwn',
            text: `<${escaped(data.url)}|Open in the console> · ${escaped(data.runbook)} · ${data.alert_id}`,
          },
        ],
      },
    ],
  };
}

/** Slack reads `<…>` as links and mentions, such as `<!channel>`, and `&` as the start of an entity. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
