import { z } from 'zod';
import { labelOf } from '../../lib/label-of.ts';
import { COMPRESSIONS } from '../../../contracts/compression.ts';
import { filter as filterSchema, type Filter } from '../../../contracts/filters.ts';
import { BODIES, DEFAULT_FORMAT_VERSION, FORMAT_VERSIONS } from '../../../contracts/format-versions.ts';
import {
  MODES,
  subscriberSettings,
  type ShownSettings,
  type SubscriberSettings,
} from '../../../contracts/subscribers.ts';

/** The settings as a form holds them: texts and what is chosen. An empty list means every value. */
export const settingsForm = z.object({
  url: z.string(),
  description: z.string(),
  types: z.array(z.string()),
  report_types: z.array(z.string()),
  stages: z.array(z.string()),
  statuses: z.array(z.string()),
  owner_id: z.string(),
  superseded: z.boolean(),
  /** JSON, or empty. */
  filter: z.string(),
  format_version: z.enum(FORMAT_VERSIONS.map(({ date }) => date)),
  body: z.enum(BODIES),
  mode: z.enum(MODES),
  rate_per_second: z.string(),
  compression: z.enum(COMPRESSIONS),
});
export type SettingsForm = z.infer<typeof settingsForm>;
export type SettingsErrors = Partial<Record<keyof SettingsForm, string>>;

export function emptySettings(): SettingsForm {
  return {
    url: '',
    description: '',
    types: [],
    report_types: [],
    stages: [],
    statuses: [],
    owner_id: '',
    superseded: false,
    filter: '',
    format_version: DEFAULT_FORMAT_VERSION,
    body: 'full',
    mode: 'every',
    rate_per_second: '',
    compression: 'none',
  };
}

export function formOf({ events, filter, rate_per_second, ...settings }: ShownSettings): SettingsForm {
  return {
    ...settings,
    types: events.types ?? [],
    report_types: events.report_types ?? [],
    stages: events.stages ?? [],
    statuses: events.statuses ?? [],
    owner_id: events.owner_id ?? '',
    superseded: events.superseded,
    filter: filter === null ? '' : JSON.stringify(filter, null, 2),
    rate_per_second: rate_per_second?.toString() ?? '',
  };
}

type ReadFilter = { ok: true; filter: Filter | null } | { ok: false; error: string };

/** A filter as it is typed; empty: none. The error says where in it, and what is wrong there. */
export function readFilter(text: string): ReadFilter {
  if (text.trim() === '') return { ok: true, filter: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, error: `Not JSON: ${error instanceof Error ? error.message : 'it cannot be read'}` };
  }
  const read = filterSchema.safeParse(value);
  if (read.success) return { ok: true, filter: read.data };
  const lines = read.error.issues.map(({ path, message }) =>
    path.length === 0 ? labelOf(message) : `${path.join(' › ')} ${message}`,
  );
  return { ok: false, error: lines.join('\n') };
}

type ReadSettings = { ok: true; settings: SubscriberSettings } | { ok: false; errors: SettingsErrors };

export function readSettings(form: SettingsForm): ReadSettings {
  const { url, description, superseded, format_version, body, mode, compression } = form;
  const read = readFilter(form.filter);
  const listed = (list: string[]) => (list.length === 0 ? undefined : list);
  const owner = form.owner_id.trim();
  const rate = form.rate_per_second.trim();
  const parsed = subscriberSettings.safeParse({
    url: url.trim(),
    description,
    events: {
      types: listed(form.types),
      report_types: listed(form.report_types),
      stages: listed(form.stages),
      statuses: listed(form.statuses),
      owner_id: owner === '' ? undefined : owner,
      superseded,
    },
    filter: read.ok ? read.filter : null,
    format_version,
    body,
    mode,
    rate_per_second: rate === '' ? null : Number(rate),
    compression,
  });
  const errors: SettingsErrors = {};
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = settingsForm.keyof().safeParse(path[0] === 'events' ? path[1] : path[0]);
    if (name.success) errors[name.data] ??= messageOf(name.data, form) ?? labelOf(message);
  }
  if (url.trim() !== '' && !URL.canParse(url.trim())) errors.url = 'Enter a complete URL: https://…';
  if (!read.ok) errors.filter = read.error;
  if (parsed.success && Object.keys(errors).length === 0) return { ok: true, settings: parsed.data };
  return { ok: false, errors };
}

/** Where the schema's own words would not help. */
function messageOf(name: keyof SettingsForm, form: SettingsForm): string | undefined {
  if (name === 'url' && form.url.trim() === '') return 'Enter the URL of the subscriber: https://…';
  if (name === 'owner_id') return 'Enter the complete id of a user (a UUID).';
  if (name === 'rate_per_second') return 'A whole number from 1 to 1,000, or empty for no limit of its own.';
  return undefined;
}
