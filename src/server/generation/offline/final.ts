import { trimEndOf } from '../../../contracts/trim-end.ts';
import { excerpt } from '../excerpt.ts';
import { outline } from '../outline.ts';
import type { Composer, Recommendation, Section } from './brief.ts';
import { bullets, inline, paragraphs, table } from './markdown.ts';
import type { JsonObject } from './material.ts';
import { openQuestions } from './preliminary.ts';

const MAX_RECOMMENDATIONS = 8;
const MAX_RECOMMENDATION_CHARACTERS = 600;
const END_MARKS = '.。।؟!?';

/** Phases of every plan, each with its weeks and what is done in them about its recommendations. */
const PHASES = [
  { name: 'Prepare', weeks: '1 to 3', task: 'Name an owner, agree on the measure and take its baseline' },
  { name: 'Pilot', weeks: '4 to 8', task: 'Try it with one small group, and change what does not work' },
  { name: 'Roll out', weeks: '9 to 16', task: 'Offer it to everybody concerned, managers first' },
  { name: 'Review', weeks: '17 to 20', task: 'Read the measures again, and decide: keep, change or stop' },
] as const;

/** The recommendations of a final. Never empty: without facts, the first step is to collect them. */
export function finalRecommendations(composer: Composer, data: JsonObject): Recommendation[] {
  const found: Recommendation[] = [];
  for (const recommendation of composer.recommendations(data)) {
    found.push(shortened(recommendation));
    if (found.length === MAX_RECOMMENDATIONS) break;
  }
  if (found.length > 0) return found;
  return [
    {
      action: 'Complete the intake in a conversation of half an hour',
      reason: 'The material at hand holds nothing from which a recommendation could follow.',
      measure: 'Every open point of this brief has an answer.',
    },
  ];
}

function shortened({ action, reason, measure }: Recommendation): Recommendation {
  const short = (text: string) => excerpt(text, MAX_RECOMMENDATION_CHARACTERS);
  return { action: short(action), reason: short(reason), measure: short(measure) };
}

/** Sections of a final brief: the conclusions from the preliminary one, and the actions. */
export function finalSections(
  composer: Composer,
  data: JsonObject,
  recommendations: readonly Recommendation[],
  previousReport: string | null,
): Section[] {
  return [
    { heading: 'Conclusions', write: () => conclusions(composer, data, recommendations, previousReport) },
    { heading: 'Recommendations', write: () => recommendations.map(numbered).join('\n') },
    { heading: 'Plan', write: () => plan(recommendations) },
    {
      heading: 'Measures',
      write: () =>
        table(
          ['Recommendation', 'How success is seen'],
          recommendations.map(({ measure }, index) => [`${index + 1}`, measure]),
        ),
    },
    { heading: 'Risks', write: () => bullets(composer.risks(data)) },
    { heading: 'Open points', write: () => bullets(openQuestions(composer, data)) },
  ];
}

function conclusions(
  composer: Composer,
  data: JsonObject,
  recommendations: readonly Recommendation[],
  previousReport: string | null,
): string {
  // The outline comes from the stored text, which its owner may have edited: treat it as untrusted.
  const covered =
    previousReport === null ? [] : outline(previousReport).map((heading) => inline(heading, 100));
  const [first] = recommendations;
  return paragraphs(
    covered.length === 0
      ? 'There was no preliminary brief to build on; this one rests on the intake alone.'
      : `This brief completes the preliminary one, which covered: ${covered.slice(0, 20).join('; ')}.`,
    first === undefined ? '' : `What comes first: ${inline(trimEndOf(first.action, END_MARKS))}.`,
    openQuestions(composer, data).length === 0
      ? 'No point is open: work can begin.'
      : 'Some points are still open; none of them keeps the first phase from beginning.',
  );
}

function numbered({ action, reason }: Recommendation, index: number): string {
  return `${index + 1}. **${inline(action)}**\n   ${inline(reason)}`;
}

function plan(recommendations: readonly Recommendation[]): string {
  // The first recommendation begins at once, the others one and two phases later: nobody can do everything at once.
  const others = recommendations.slice(1).map((_, index) => index + 2);
  const waves = ['1', others.slice(0, 3).join(', '), others.slice(3).join(', ')];
  return table(
    ['Phase', 'Weeks', 'What is done', 'Recommendations begun'],
    PHASES.map(({ name, weeks, task }, index) => [name, weeks, task, waves[index] ?? '']),
  );
}
