/** One value of a metric. The text format appends `suffix`, such as `_bucket`, to the name. */
export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number;
  suffix?: '_bucket' | '_count' | '_sum';
}

export interface Metric {
  /** Name of a counter without `_total`, which the format appends. */
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  samples: readonly Sample[];
}

type Format = 'openmetrics' | 'prometheus';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
};

/** The format that a scraper asks for: OpenMetrics if its Accept header lists it, else the older text format. */
export function formatFor(accept: string | null): Format {
  return accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'prometheus';
}

/**
 * Writes metrics as OpenMetrics 1.0.0 or as Prometheus's text format 0.0.4. These differ in the name of a counter's family
 * and in the last line.
 */
export function expose(metrics: readonly Metric[], format: Format): string {
  const lines = metrics.flatMap(({ name, type, help, samples }) => {
    const sampleName = type === 'counter' ? `${name}_total` : name;
    const family = format === 'openmetrics' ? name : sampleName;
    return [
      `# HELP ${family} ${escapeHelp(help, format)}`,
      `# TYPE ${family} ${type}`,
      ...samples.map(
        ({ labels = {}, value, suffix = '' }) => `${sampleName}${suffix}${writeLabels(labels)} ${value}`,
      ),
    ];
  });
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function writeLabels(labels: Readonly<Record<string, string>>): string {
  const written = Object.entries(labels).map(
    ([name, value]) => `${name}="${escape(value).replaceAll('"', '\\"')}"`,
  );
  return written.length === 0 ? '' : `{${written.join(',')}}`;
}

function escapeHelp(text: string, format: Format): string {
  return format === 'openmetrics' ? escape(text).replaceAll('"', '\\"') : escape(text);
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
