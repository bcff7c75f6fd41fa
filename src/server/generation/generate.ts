import type { Json } from '../../contracts/text.ts';
import type { ReportType, Stage } from '../../contracts/webhooks.ts';

interface Asked {
  /** What was asked for, by whoever requested the job. */
  prompt: string;
  /** `null`: the generator's own choice. */
  model: string | null;
  temperature: number | null;
  maxTokens: number | null;
}

/** All that a generator is told about a job and its report. */
export interface ReportRequest extends Asked {
  reportType: ReportType;
  stage: Stage;
  /** `user_data` of the report's row: any JSON, written by a stranger. */
  userData: unknown;
  /** The report's text so far: the preliminary report when a final is written. */
  previousReport: string | null;
  /** The summary of the needs analysis that the report belongs to. */
  summary: string | null;
}

/** A job without a report: the prompt is all there is. */
interface TextRequest extends Asked {
  reportType: null;
  stage: null;
}

export type GenerationRequest = ReportRequest | TextRequest;

export interface GenerationProgress {
  /** 0 to 95, never less than before. Only a stored result makes it 100. */
  percent: number;
  /** Whole seconds until the text is complete, `null` while nobody can tell. */
  etaSeconds: number | null;
}

interface GenerationControl {
  /** Ends the generation at once; it rejects with the signal's reason then. */
  signal: AbortSignal;
  onProgress: (progress: GenerationProgress) => void;
}

export interface Generated {
  /** Markdown, never blank. It may hold what the database cannot: the caller makes it storable. */
  text: string;
  /** How it was made: `research_metadata` of the event. */
  metadata: Record<string, Json>;
  /** What a final adds to the metadata; `null` for a preliminary report. */
  finalData: Record<string, Json> | null;
}

/** @throws {GenerationFailed} when there is no usable text; the signal's reason when it was aborted. */
export type Generate = (request: GenerationRequest, control: GenerationControl) => Promise<Generated>;

/** Before the result is stored, progress stays below this. */
export const MAX_PERCENT_BEFORE_END = 95;

/** Why there is no report. The message is shown to the report's owner: no internals, no secrets. */
export class GenerationFailed extends Error {
  override readonly name = 'GenerationFailed';
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}
