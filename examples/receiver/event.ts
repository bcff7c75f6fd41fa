/** An event of Polaris, as far as this receiver reads it: format version 2026-12-01, body `full`. */
export interface PolarisEvent {
  type: string;
  reportId: string;
  /** 1, 2, … in the report; null: the event changed nothing in it. */
  position: number | null;
  /** Undefined: this event has no text, as one of a failed job. */
  text: string | undefined;
}

/** Reads the body of an event. @throws {Error} when it is none */
export function readEvent(body: string): PolarisEvent {
  const json: unknown = JSON.parse(body);
  const type = member(json, 'type');
  const data = member(json, 'data');
  const reportId = member(data, 'report_id');
  const position = member(data, 'position');
  const text = member(data, 'research_report');
  if (typeof type !== 'string' || typeof reportId !== 'string') throw new Error('not an event of Polaris');
  return {
    type,
    reportId,
    position: typeof position === 'number' ? position : null,
    text: typeof text === 'string' ? text : undefined,
  };
}

/** A member of something that may be no object at all. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
