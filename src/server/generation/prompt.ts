import type { Json } from '../../contracts/text.ts';
import { boundedJson } from './bounded-json.ts';
import { excerpt } from './excerpt.ts';
import type { GenerationRequest, ReportRequest } from './generate.ts';
import { instructions } from './instructions.ts';

// Together about 100,000 tokens of English: models with a context of 128,000 still have room for an answer.
const MAX_USER_DATA_CHARACTERS = 300_000;
const MAX_PREVIOUS_REPORT_CHARACTERS = 60_000;
const MAX_SUMMARY_CHARACTERS = 30_000;
const MAX_DEPTH = 32;

interface Prompt {
  /** `null` for a job without a report, which has only its prompt. */
  system: string | null;
  prompt: string;
  /** Whether the material was too long and has been truncated. */
  shortened: boolean;
}

/** The model's instructions and its material. */
export function buildPrompt(request: GenerationRequest): Prompt {
  if (request.reportType === null) return { system: null, prompt: request.prompt, shortened: false };
  return buildReportPrompt(request);
}

function buildReportPrompt(request: ReportRequest): Prompt {
  const userData = boundedJson(request.userData, MAX_DEPTH);
  const userDataText = JSON.stringify(userData);
  const summary = request.summary ?? '';
  const previousReport = request.stage === 'final' ? (request.previousReport ?? '') : '';
  const material: Record<string, Json> = {
    user_data:
      userDataText.length > MAX_USER_DATA_CHARACTERS
        ? excerpt(userDataText, MAX_USER_DATA_CHARACTERS)
        : userData,
    ...(summary && { summary: excerpt(summary, MAX_SUMMARY_CHARACTERS) }),
    ...(previousReport && {
      preliminary_report: excerpt(previousReport, MAX_PREVIOUS_REPORT_CHARACTERS),
    }),
  };
  return {
    system: instructions(request.reportType, request.stage),
    prompt: `${request.prompt}\n\n<material>\n${fenced(material)}\n</material>`,
    shortened:
      userDataText.length > MAX_USER_DATA_CHARACTERS ||
      summary.length > MAX_SUMMARY_CHARACTERS ||
      previousReport.length > MAX_PREVIOUS_REPORT_CHARACTERS,
  };
}

/** The material as JSON that cannot contain a tag, so that no text in it can close its block. */
function fenced(material: Record<string, Json>): string {
  return JSON.stringify(material, null, 1).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');
}
