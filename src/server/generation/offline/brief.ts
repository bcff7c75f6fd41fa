import type { JsonObject } from './material.ts';

/** A section with its heading. An empty section returns `''` and is omitted. */
export interface Section {
  heading: string;
  write: () => string;
}

/** A recommendation, as the final recommends, plans and measures it. Plain text, not Markdown. */
export interface Recommendation {
  /** In the imperative: `Close the gap in …`. */
  action: string;
  /** The support for it in the intake. */
  reason: string;
  /** How its success will be measured. */
  measure: string;
}

/** The part of a brief that differs by report type. */
export interface Composer {
  /** The person or subject of the brief. */
  subject: (data: JsonObject) => string;
  /** The preliminary brief's own sections. */
  findings: (data: JsonObject) => Section[];
  /**
   * The most important first, each composed when it is taken. A brief takes few, and each may repeat a text of the intake: all
   * of them together could be thousands of times as long as the intake.
   */
  recommendations: (data: JsonObject) => Generator<Recommendation>;
  /** Risks for the plan. */
  risks: (data: JsonObject) => string[];
  /** Fields that the intake should have, each with the question to ask if it is missing. */
  questions: Readonly<Record<string, string>>;
}
