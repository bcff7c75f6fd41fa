import type { JsonObject } from './material.ts';

/** A section under its own heading. One with nothing to say returns `''` and is left out. */
export interface Section {
  heading: string;
  write: () => string;
}

/** What should be done, as the final recommends, plans and measures it. Its texts are plain, not Markdown. */
export interface Recommendation {
  /** An order: `Close the gap in …`. */
  action: string;
  /** What in the intake speaks for it. */
  reason: string;
  /** How one will see that it worked. */
  measure: string;
}

/** What one report type contributes to its briefs; the rest they have in common. */
export interface Composer {
  /** Whom or what the brief is about. */
  subject: (data: JsonObject) => string;
  /** The preliminary brief's own sections. */
  findings: (data: JsonObject) => Section[];
  /** By importance. */
  recommendations: (data: JsonObject) => Recommendation[];
  /** What could stand in the way. */
  risks: (data: JsonObject) => string[];
  /** Fields that the intake should have, and the question to ask where it has not. */
  questions: Readonly<Record<string, string>>;
}
