import type { Json } from '../../../contracts/text.ts';
import type { Composer } from './brief.ts';
import { bullets, facts, inline, paragraphs } from './markdown.ts';
import { labelOf, listOf, textOf, type JsonObject } from './material.ts';

/** Members that may name the subject of an intake, in order of preference. `list_reports()` has the same list. */
const TITLES = ['full_name', 'requirement_title', 'title', 'name', 'organisation_name'] as const;

/** Members with a section of their own. */
const OWN_SECTIONS: ReadonlySet<string> = new Set(['description', 'goals', 'challenges', 'interview_notes']);

// Together, these limits keep the findings about as long as those of the other composers.
const MAX_FACTS = 20;
const MAX_LISTS = 6;
const MAX_LIST_ITEMS = 8;
const MAX_LABEL_CHARACTERS = 100;

/** Composes briefs for report types without their own composer, from the members of any intake. */
export const general: Composer = {
  subject: titleOf,

  findings: (data) => [
    { heading: 'What it is about', write: () => inline(textOf(data['description'])) },
    { heading: 'Goals', write: () => bullets(listOf(data['goals'])) },
    { heading: 'Challenges', write: () => bullets(listOf(data['challenges'])) },
    { heading: 'At a glance', write: () => facts(singleMembers(data).slice(0, MAX_FACTS)) },
    {
      heading: 'Details',
      write: () =>
        paragraphs(
          ...nestedMembers(data)
            .slice(0, MAX_LISTS)
            .flatMap(([name, items]) => [`**${name}**`, bullets(items, MAX_LIST_ITEMS)]),
        ),
    },
  ],

  *recommendations(data) {
    for (const goal of listOf(data['goals'])) {
      yield {
        action: `Set up a learning path towards: ${goal}`,
        reason: 'The intake names it as a goal.',
        measure: 'The people concerned show it at work, and those who set the goal confirm it.',
      };
    }
    for (const challenge of listOf(data['challenges'])) {
      yield {
        action: `Find out whether training answers this challenge: ${challenge}`,
        reason: 'The intake names it as standing in the way, and not every challenge is one of skills.',
        measure: 'Its causes are written down, each with who will deal with it.',
      };
    }
  },

  risks: (data) => listOf(data['challenges']),

  questions: {
    description: 'What is this report about, and why is it asked for?',
    goals: 'What should be different afterwards?',
    challenges: 'What stands in the way?',
    interview_notes: 'Who was asked, and what did they say?',
  },
};

/** The first of the members that may name it, else the first text of the intake. */
function titleOf(data: JsonObject): string {
  const known = TITLES.map((name) => textOf(data[name])).find((text) => text !== '');
  const first = () => Object.values(data).find((value) => typeof value === 'string' && value.trim() !== '');
  return known ?? (textOf(first()) || 'An untitled report');
}

/** Labels and texts of members with a single value. The title is omitted, since it is in the heading. */
function singleMembers(data: JsonObject): [string, string][] {
  const title = titleOf(data);
  return otherMembers(data)
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]): [string, string] => [label(key), textOf(value)])
    .filter(([, text]) => text !== '' && text !== title);
}

/** Labels and items of the lists and objects. */
function nestedMembers(data: JsonObject): [string, string[]][] {
  return otherMembers(data)
    .filter(([, value]) => typeof value === 'object')
    .map(([key, value]): [string, string[]] => [label(key), listOf(value)])
    .filter(([, items]) => items.length > 0);
}

function otherMembers(data: JsonObject): [string, Json][] {
  return Object.entries(data).filter(([key]) => !OWN_SECTIONS.has(key));
}

function label(key: string): string {
  return inline(labelOf(key), MAX_LABEL_CHARACTERS) || '…';
}
