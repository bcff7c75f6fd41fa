import type { Composer, Recommendation } from './brief.ts';
import { bullets, facts, paragraphs, table } from './markdown.ts';
import { listOf, numberOf, objectOf, rowsOf, textOf, type JsonObject } from './material.ts';

/** Briefs about an organisation: its goals, its people, its training, and the open gaps. */
export const org: Composer = {
  subject: (data) => textOf(data['organisation_name'] ?? data['name']) || 'An unnamed organisation',

  findings: (data) => [
    {
      heading: 'At a glance',
      write: () =>
        facts([
          ['Industry', textOf(data['industry'])],
          ['People', textOf(data['headcount'])],
          ['Locations', textOf(data['locations'])],
          ['Languages', textOf(data['languages'])],
          ['Mission', textOf(data['mission'])],
        ]),
    },
    { heading: 'Goals', write: () => bullets(listOf(data['strategic_goals'])) },
    {
      heading: 'People and structure',
      write: () =>
        paragraphs(
          table(
            ['Department', 'People', 'Lead', 'Note'],
            rowsOf(data['departments'], 'name').map((row) =>
              ['name', 'headcount', 'lead', 'note'].map((key) => textOf(row[key])),
            ),
          ),
          facts([['Culture', textOf(data['culture'])]]),
        ),
    },
    { heading: 'Training today', write: () => trainingToday(data) },
    { heading: 'Challenges', write: () => bullets(listOf(data['challenges'])) },
    { heading: 'Rules to keep', write: () => bullets(listOf(data['regulations'])) },
    {
      heading: 'Indicators',
      write: () =>
        table(
          ['Indicator', 'Now', 'Target', 'Unit'],
          rowsOf(data['indicators'], 'name').map((row) =>
            ['name', 'current', 'target', 'unit'].map((key) => textOf(row[key])),
          ),
        ),
    },
  ],

  *recommendations(data) {
    for (const rule of listOf(data['regulations'])) {
      yield {
        action: `Make training on this rule mandatory, and keep a record of it: ${rule}`,
        reason: 'A rule binds whatever else has priority.',
        measure: 'Every person concerned has a valid certificate, seen in a monthly list.',
      };
    }
    const reason = reasonForPilot(data);
    for (const challenge of listOf(data['challenges'])) {
      yield {
        action: `Start a programme against this challenge: ${challenge}`,
        reason,
        measure: 'Managers of the pilot see the challenge less often after three months than before.',
      };
    }
    for (const row of rowsOf(data['indicators'], 'name')) yield* moveIndicator(row);
  },

  risks: (data) => [
    ...(textOf(data['culture']) === '' ? [] : [`Habits may resist: ${textOf(data['culture'])}`]),
    ...(listOf(data['languages']).length > 1
      ? [`One version will not reach everybody; languages in use: ${textOf(data['languages'])}`]
      : []),
  ],

  questions: {
    strategic_goals: 'What must the organisation reach in the next two years?',
    departments: 'Which departments are there, and how many people has each?',
    current_training: 'What is spent on training today, in money and hours, and on which platforms?',
    challenges: 'Where do missing skills hurt most?',
    indicators: 'Which numbers would show that training has worked?',
    regulations: 'Which rules demand training or proof of it?',
  },
};

function trainingToday(data: JsonObject): string {
  const training = objectOf(data['current_training']);
  return facts([
    ['Budget a year', [textOf(training['yearly_budget']), textOf(training['currency'])].join(' ').trim()],
    ['Hours a person', textOf(training['hours_per_employee'])],
    ['Platforms', textOf(training['platforms'])],
    ['Providers', textOf(training['providers'])],
    ['Notes', textOf(training['notes'])],
  ]);
}

function reasonForPilot(data: JsonObject): string {
  // Numbers are read once, not in each comparison: each may be written as a long text.
  const [largest] = rowsOf(data['departments'], 'name')
    .map((row) => ({ row, people: numberOf(row['headcount']) ?? 0 }))
    .sort((a, b) => b.people - a.people);
  const [platform] = listOf(objectOf(data['current_training'])['platforms']);
  const start = largest === undefined ? 'one department' : textOf(largest.row['name']);
  return [
    `A pilot in ${start} reaches enough people to see whether it works`,
    platform === undefined ? '.' : `, and ${platform} is there to carry it.`,
  ].join('');
}

function moveIndicator(row: JsonObject): Recommendation[] {
  const name = textOf(row['name']);
  const now = numberOf(row['current']);
  const target = numberOf(row['target']);
  if (name === '' || now === null || target === null || now === target) return [];
  const unit = textOf(row['unit']);
  const from = `${now} ${unit}`.trim();
  const to = `${target} ${unit}`.trim();
  return [
    {
      action: `Tie training to an indicator: ${name}`,
      reason: `It stands at ${from} and should come to ${to}.`,
      measure: `${name}: from ${from} to ${to}, read every month.`,
    },
  ];
}
