import type { Composer } from './brief.ts';
import { bullets, facts, paragraphs, table } from './markdown.ts';
import { listOf, objectOf, rowsOf, textOf } from './material.ts';

/** Briefs about a person: who they are, what they do, what they want to learn. */
export const greeting: Composer = {
  subject: (data) => textOf(data['full_name'] ?? data['name']) || 'An unnamed person',

  findings: (data) => [
    {
      heading: 'At a glance',
      write: () =>
        facts([
          ['Role', textOf(data['job_title'] ?? data['role'])],
          ['Organisation', textOf(data['organisation_name'] ?? data['organisation'])],
          ['Department', textOf(data['department'])],
          ['Location', textOf(data['location'])],
          ['Years in the role', textOf(data['years_in_role'])],
          ['People in the team', textOf(data['team_size'])],
          ['Languages', textOf(data['languages'])],
        ]),
    },
    {
      heading: 'Role and responsibilities',
      write: () =>
        paragraphs(
          facts([['Background', textOf(data['background'])]]),
          bullets(listOf(data['responsibilities'])),
        ),
    },
    { heading: 'Wants to learn', write: () => bullets(listOf(data['learning_goals'])) },
    {
      heading: 'Has learnt so far',
      write: () =>
        table(
          ['Training', 'Year', 'What came of it'],
          rowsOf(data['prior_training'], 'title').map((row) => [
            textOf(row['title']),
            textOf(row['year']),
            textOf(row['outcome']),
          ]),
        ),
    },
    { heading: 'Concerns', write: () => bullets(listOf(data['concerns'])) },
    {
      heading: 'Working together',
      write: () => {
        const contact = objectOf(data['contact']);
        return facts([
          ['Preferred formats', textOf(data['preferred_formats'])],
          ['Available', textOf(data['availability'])],
          ['Preferred channel', textOf(contact['preferred_channel'])],
          ['E-mail', textOf(contact['email'])],
          ['Telephone', textOf(contact['phone'])],
        ]);
      },
    },
  ],

  *recommendations(data) {
    const [format] = listOf(data['preferred_formats']);
    const reason = reasonForGoals(textOf(data['job_title']), format);
    for (const goal of listOf(data['learning_goals'])) {
      yield {
        action: `Set up a learning path towards: ${goal}`,
        reason,
        measure: 'The person shows it at work, on a task of their own, and the manager confirms it.',
      };
    }
    for (const concern of listOf(data['concerns'])) {
      yield {
        action: `Take up a concern before the first session: ${concern}`,
        reason: 'It was raised in the intake, and what is left unsaid keeps people from learning.',
        measure: 'The person says that the concern is dealt with, at the first review.',
      };
    }
  },

  risks: (data) => [
    ...(textOf(data['availability']) === '' ? [] : [`Time is limited: ${textOf(data['availability'])}`]),
    ...listOf(data['concerns']),
  ],

  questions: {
    learning_goals: 'What does the person want to be able to do in six months?',
    responsibilities: 'What is the person responsible for?',
    prior_training: 'Which training has there been, and what came of it?',
    preferred_formats: 'In which form does the person learn best?',
    availability: 'When, and for how many hours a week, is the person free to learn?',
    contact: 'How is the person best reached?',
  },
};

function reasonForGoals(role: string, format: string | undefined): string {
  return [
    role === '' ? 'The person named it as a goal' : `Named as a goal for the work as ${role}`,
    format === undefined ? '.' : `; the form that suits is ${format}.`,
  ].join('');
}
