import type { Json } from '../../contracts/text.ts';
import type { ReportType, Stage } from '../../contracts/webhooks.ts';

interface Asked {
  /** The request of a job, from its caller. */
  prompt: string;
  /** `null`: the generator chooses. */
  model: string | null;
  temperature: number | null;
  maxTokens: number | null;
}

/** Everything that a generator gets about a job and its report. */
export interface ReportRequest extends Asked {
  reportType: ReportType;
  stage: Stage;
  /** `user_data` of the report's row: any JSON, written by an untrusted user. */
  userData: unknown;
  /** The current text of the report: the preliminary report when a final is written. */
  previousReport: string | null;
  /** The summary of the needs analysis that the report belongs to. */
  summary: string | null;
}

/** A job without a report has only its prompt. */
interface TextRequest extends Asked {
  reportType: null;
  stage: null;
}

export type GenerationRequest = ReportRequest | TextRequest;

export interface GenerationProgress {
  /** 0 to 95, never decreasing. Only a stored result makes it 100. */
  percent: number;
  /** Estimated whole seconds until the text is complete; `null` if unknown. */
  etaSeconds: number | null;
}

interface GenerationControl {
  /** Aborts the generation at once, which then rejects with the signal's reason. */
  signal: AbortSignal;
  onProgress: (progress: GenerationProgress) => void;
}

export interface Generated {
  /** Markdown, never blank. May contain characters that the database cannot store: the caller removes them. */
  text: string;
  /** How it was made: `research_metadata` of the event. */
  metadata: Record<string, Json>;
  /** What a final adds to the metadata; `null` for a preliminary report. */
  finalData: Record<string, Json> | null;
}

/** @throws {GenerationFailed} when there is no usable text; the signal's reason when it was aborted. */
export type Generate = (request: GenerationRequest, control: GenerationControl) => Promise<Generated>;

/** Progress stays at or below this until the result is stored. */
export const MAX_PERCENT_BEFORE_END = 95;

/** Why there is no report. The message is shown to the report's owner, so it contains no internals and no secrets. */
export class GenerationFailed extends Error {
  override readonly name = 'GenerationFailed';
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}
