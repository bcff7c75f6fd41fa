import type { Composer, Recommendation } from './brief.ts';
import { bullets, facts, table } from './markdown.ts';
import { listOf, numberOf, objectOf, rowsOf, textOf, type JsonObject } from './material.ts';

/** Briefs about a training requirement: the need, the people, the gaps, and the limits. */
export const requirement: Composer = {
  subject: (data) => textOf(data['requirement_title'] ?? data['title']) || 'An untitled requirement',

  findings: (data) => [
    {
      heading: 'The need',
      write: () =>
        facts([
          ['Organisation', textOf(data['organisation_name'])],
          ['Need', textOf(data['business_need'])],
        ]),
    },
    {
      heading: 'The people',
      write: () =>
        table(
          ['Group', 'People', 'Level', 'Location'],
          rowsOf(data['audience'], 'group').map((row) =>
            ['group', 'size', 'level', 'location'].map((key) => textOf(row[key])),
          ),
        ),
    },
    {
      heading: 'Skills and gaps',
      write: () =>
        table(
          ['Skill', 'Now', 'Needed', 'Gap', 'Priority'],
          skillsOf(data).map((skill) => [
            skill.name,
            skill.now?.toString() ?? '',
            skill.needed?.toString() ?? '',
            skill.gap?.toString() ?? '',
            skill.priority,
          ]),
        ),
    },
    { heading: 'Outcomes wanted', write: () => bullets(listOf(data['outcomes'])) },
    { heading: 'Limits', write: () => limits(data) },
    {
      heading: 'Who has a say',
      write: () =>
        table(
          ['Name', 'Role', 'Interest'],
          rowsOf(data['stakeholders'], 'name').map((row) =>
            ['name', 'role', 'interest'].map((key) => textOf(row[key])),
          ),
        ),
    },
    { heading: 'Material at hand', write: () => bullets(listOf(data['existing_material'])) },
    { heading: 'How success will be seen', write: () => bullets(listOf(data['success_measures'])) },
  ],

  *recommendations(data) {
    for (const skill of skillsOf(data)) if (isToClose(skill)) yield closeGap(skill);
    for (const outcome of listOf(data['outcomes'])) {
      yield {
        action: `Design backwards from this outcome: ${outcome}`,
        reason: 'It is what the business will look at, so exercises and tests should be made of it.',
        measure: 'It is observed at work, not asked for in a questionnaire.',
      };
    }
  },

  risks: (data) => {
    const constraints = objectOf(data['constraints']);
    const deadline = textOf(constraints['deadline']);
    const access = textOf(constraints['accessibility']);
    return [
      ...listOf(data['risks']),
      ...(deadline === '' ? [] : [`The date is fixed: ${deadline}`]),
      ...(access === '' ? [] : [`Material that is not accessible leaves people out: ${access}`]),
    ];
  },

  questions: {
    audience: 'Who must learn this, how many are they, and where?',
    skills: 'Which skills are needed, at which level, and what is the level today?',
    outcomes: 'What will people do differently afterwards?',
    constraints: 'Which limits of money, time, language and access are there?',
    success_measures: 'How will success be seen, and by whom?',
    stakeholders: 'Who decides, and who must agree?',
  },
};

interface Skill {
  name: string;
  now: number | null;
  needed: number | null;
  gap: number | null;
  priority: string;
  weight: number;
}

const WEIGHTS: ReadonlyMap<string, number> = new Map([
  ['high', 3],
  ['medium', 2],
  ['low', 1],
]);

/** The requested skills, the most important gap first. */
function skillsOf(data: JsonObject): Skill[] {
  const skills = rowsOf(data['skills'], 'skill').map((row) => {
    const now = numberOf(row['current_level']);
    const needed = numberOf(row['target_level']);
    const gap = now === null || needed === null ? null : Math.round((needed - now) * 10) / 10;
    const priority = textOf(row['priority']);
    return {
      name: textOf(row['skill'] ?? row['name']) || textOf(row),
      now,
      needed,
      gap,
      priority,
      // Once per skill, not in each comparison: a priority may be a long text.
      weight: (gap ?? 1) * (WEIGHTS.get(priority.toLowerCase()) ?? 2),
    };
  });
  return skills.sort((a, b) => b.weight - a.weight);
}

function isToClose({ gap }: Skill): boolean {
  return gap === null || gap > 0;
}

function closeGap({ name, now, needed, gap }: Skill): Recommendation {
  const known = now !== null && needed !== null;
  return {
    action: `Close the gap in: ${name}`,
    reason: known
      ? `The level is ${now}, ${needed} is needed: ${approach(gap)}`
      : `The levels are not known yet: begin with a short test, then ${approach(gap)}`,
    measure: known
      ? `A practical test before and after; at least level ${needed} afterwards.`
      : 'A practical test before and after.',
  };
}

/** How a gap is closed: a wide one needs teaching, a narrow one closes at work. */
function approach(gap: number | null): string {
  if (gap !== null && gap >= 3) return 'a full course with practice between its parts and a test at its end.';
  if (gap !== null && gap >= 2) return 'workshops with guided practice on cases of our own.';
  return 'coaching and practice at the workplace.';
}

function limits(data: JsonObject): string {
  const constraints = objectOf(data['constraints']);
  return facts([
    ['Budget', [textOf(constraints['budget']), textOf(constraints['currency'])].join(' ').trim()],
    ['Date', textOf(constraints['deadline'])],
    ['Delivery', textOf(constraints['delivery'])],
    ['Languages', textOf(constraints['languages'])],
    ['Accessibility', textOf(constraints['accessibility'])],
    ['Notes', textOf(constraints['notes'])],
  ]);
}
