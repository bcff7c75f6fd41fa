import { z } from 'zod';

/**
 * Versions of a webhook's body, oldest first: their number in SQL (`private.body_of()`) and their date in the API. The bytes
 * of a version never change: any change of the body is a new version, with a converter to the previous one.
 */
export const FORMAT_VERSIONS = [
  // The platform's flat form.
  { number: 0, date: '2024-01-01' },
  // `{type, timestamp, data}`: sent to our own endpoints.
  { number: 1, date: '2026-11-25' },
  // `data` also has `position`, `stage` and `channel`.
  { number: 2, date: '2026-12-01' },
] as const;

export type FormatVersion = (typeof FORMAT_VERSIONS)[number]['date'];
export const formatVersion = z.enum(FORMAT_VERSIONS.map(({ date }) => date));

export const NEWEST_FORMAT_VERSION: FormatVersion = '2026-12-01';
/** Default for a new subscriber, which keeps this version when newer ones are released. */
export const DEFAULT_FORMAT_VERSION: FormatVersion = NEWEST_FORMAT_VERSION;

/** `full`: with the content; `thin`: with `content_url` instead. */
export const BODIES = ['full', 'thin'] as const;
export type Body = (typeof BODIES)[number];

export function versionNumber(date: FormatVersion): number {
  return FORMAT_VERSIONS.findIndex((version) => version.date === date);
}

/** The date of the version that SQL stores by number. */
export function versionDate(number: number): FormatVersion {
  const version = FORMAT_VERSIONS[number];
  if (version === undefined) throw new Error(`There is no format version ${number}.`);
  return version.date;
}

/** Deprecated versions: since when, and when our endpoints may stop reading them. */
const DEPRECATIONS: Partial<Record<FormatVersion, { deprecated: Date; sunset: Date }>> = {
  '2024-01-01': {
    deprecated: new Date('2026-12-01T00:00:00Z'),
    sunset: new Date('2027-12-01T00:00:00Z'),
  },
};

/** Headers of the answer to a body of this version: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), or none. */
export function deprecationHeaders(version: FormatVersion): Record<string, string> {
  const dates = DEPRECATIONS[version];
  if (dates === undefined) return {};
  return { deprecation: `@${dates.deprecated.getTime() / 1000}`, sunset: dates.sunset.toUTCString() };
}
