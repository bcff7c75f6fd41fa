import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Json } from '../../contracts/text.ts';
import type { ReportType } from '../../contracts/webhooks.ts';
import { boundedJson } from './bounded-json.ts';
import { excerpt } from './excerpt.ts';
import { MAX_PERCENT_BEFORE_END, type Generate, type ReportRequest } from './generate.ts';
import type { Composer, Recommendation, Section } from './offline/brief.ts';
import { finalRecommendations, finalSections } from './offline/final.ts';
import { general } from './offline/general.ts';
import { greeting } from './offline/greeting.ts';
import { inline } from './offline/markdown.ts';
import { objectOf } from './offline/material.ts';
import { org } from './offline/org.ts';
import { preliminarySections } from './offline/preliminary.ts';
import { requirement } from './offline/requirement.ts';

/** Composers of the report types that have one. */
const COMPOSERS: ReadonlyMap<ReportType, Composer> = new Map([
  ['greeting', greeting],
  ['org', org],
  ['requirement', requirement],
]);
const MAX_DEPTH = 12;
const MAX_TITLE_CHARACTERS = 200;
const MAX_PROMPT_CHARACTERS = 1_000;
const MAX_METADATA_TEXT_CHARACTERS = 300;

/**
 * Composes a brief from the report's own material: no model, no network, and the same text for the same request. Accepts any
 * JSON as an intake; missing fields become questions.
 */
export const generateOffline: Generate = async (request, { signal, onProgress }) => {
  if (request.reportType === null) {
    return {
      text: [
        '# Demonstration text',
        `Asked for: ${inline(request.prompt, MAX_PROMPT_CHARACTERS)}`,
        '_Composed by rule, without a language model._\n',
      ].join('\n\n'),
      metadata: { generator: 'offline', model: null },
      finalData: null,
    };
  }
  const { title, sections, recommendations } = plan(request);
  const headings: string[] = [];
  const parts = [
    `# ${title}`,
    `Asked for: ${inline(request.prompt, MAX_PROMPT_CHARACTERS)}`,
    '_Composed from the intake by rule, without a language model._',
  ];
  for (const [index, { heading, write }] of sections.entries()) {
    // A long intake takes a while: yield to other work on this thread, such as a cancellation.
    await nextTurn();
    signal.throwIfAborted();
    const body = write();
    if (body !== '') {
      headings.push(heading);
      parts.push(`## ${heading}`, body);
    }
    const percent = Math.floor(((index + 1) / sections.length) * MAX_PERCENT_BEFORE_END);
    onProgress({ percent, etaSeconds: 0 });
  }
  return {
    text: `${parts.join('\n\n')}\n`,
    metadata: { generator: 'offline', model: null, section_count: headings.length },
    finalData:
      recommendations === null
        ? null
        : { sections: headings, key_recommendations: recommendations.map(toMetadata) },
  };
};

interface BriefPlan {
  title: string;
  sections: Section[];
  /** `null` in a preliminary brief. */
  recommendations: Recommendation[] | null;
}

function plan({ reportType, stage, userData, summary, previousReport }: ReportRequest): BriefPlan {
  const composer = COMPOSERS.get(reportType) ?? general;
  const data = objectOf(boundedJson(userData, MAX_DEPTH));
  const subject = inline(composer.subject(data), MAX_TITLE_CHARACTERS);
  if (stage === 'prelim') {
    const sections = preliminarySections(composer, data, summary);
    return { title: `Preliminary brief: ${subject}`, sections, recommendations: null };
  }
  const recommendations = finalRecommendations(composer, data);
  const sections = finalSections(composer, data, recommendations, previousReport);
  return { title: `Final brief: ${subject}`, sections, recommendations };
}

function toMetadata({ action, reason, measure }: Recommendation): Json {
  const short = (text: string) => excerpt(text, MAX_METADATA_TEXT_CHARACTERS);
  return { action: short(action), reason: short(reason), measure: short(measure) };
}
