import { z } from 'zod';
import { MAX_PROMPT_CHARACTERS, REPORT_TYPES } from './constants.ts';
import { storableText } from './text.ts';
import type { ReportType } from './webhooks.ts';

const shortText = storableText.trim().min(1).max(300);
const longText = storableText.trim().min(1).max(20_000);
const texts = z.array(longText).max(100);
const count = z.int().min(0);
const level = z.number().min(0).max(5);

/** One question of an interview and what was answered to it. */
const interviewNote = z.looseObject({
  speaker: shortText.optional(),
  department: shortText.optional(),
  question: longText,
  answer: longText,
});

const interviewNotes = z.array(interviewNote).max(1000).optional();

// Intakes differ between customers: every object is loose, so that unknown members are kept.

/** `user_data` of a greeting report: who the person is, what they do and what they want to learn. */
export const greetingUserData = z.looseObject({
  full_name: shortText,
  job_title: shortText,
  organisation_name: shortText,
  department: shortText.optional(),
  location: shortText.optional(),
  years_in_role: z.number().min(0).max(80).optional(),
  team_size: count.optional(),
  languages: texts.optional(),
  contact: z
    .looseObject({
      email: shortText.optional(),
      phone: shortText.optional(),
      preferred_channel: shortText.optional(),
    })
    .optional(),
  background: longText.optional(),
  responsibilities: texts.optional(),
  learning_goals: texts.optional(),
  concerns: texts.optional(),
  preferred_formats: texts.optional(),
  availability: longText.optional(),
  prior_training: z
    .array(
      z.looseObject({
        title: shortText,
        year: z.int().min(1950).max(2100).optional(),
        outcome: longText.optional(),
      }),
    )
    .max(100)
    .optional(),
  interview_notes: interviewNotes,
});

/** `user_data` of an org report: the organisation, its goals, and how it trains its people today. */
const orgUserData = z.looseObject({
  organisation_name: shortText,
  industry: shortText,
  headcount: count.optional(),
  locations: texts.optional(),
  languages: texts.optional(),
  mission: longText.optional(),
  strategic_goals: texts.optional(),
  departments: z
    .array(
      z.looseObject({
        name: shortText,
        headcount: count.optional(),
        lead: shortText.optional(),
        note: longText.optional(),
      }),
    )
    .max(200)
    .optional(),
  current_training: z
    .looseObject({
      yearly_budget: z.number().min(0).optional(),
      currency: shortText.optional(),
      hours_per_employee: z.number().min(0).optional(),
      platforms: texts.optional(),
      providers: texts.optional(),
    })
    .optional(),
  culture: longText.optional(),
  challenges: texts.optional(),
  regulations: texts.optional(),
  indicators: z
    .array(
      z.looseObject({
        name: shortText,
        current: z.number().optional(),
        target: z.number().optional(),
        unit: shortText.optional(),
      }),
    )
    .max(100)
    .optional(),
  interview_notes: interviewNotes,
});

/** `user_data` of a requirement report: what must be learnt, by whom, until when. Levels go from 0 to 5. */
const requirementUserData = z.looseObject({
  requirement_title: shortText,
  organisation_name: shortText,
  business_need: longText,
  audience: z
    .array(
      z.looseObject({
        group: shortText,
        size: count.optional(),
        level: shortText.optional(),
        location: shortText.optional(),
      }),
    )
    .max(100)
    .optional(),
  skills: z
    .array(
      z.looseObject({
        skill: shortText,
        current_level: level.optional(),
        target_level: level.optional(),
        priority: z.enum(['low', 'medium', 'high']).optional(),
      }),
    )
    .max(200)
    .optional(),
  outcomes: texts.optional(),
  constraints: z
    .looseObject({
      budget: z.number().min(0).optional(),
      currency: shortText.optional(),
      deadline: z.iso.date().optional(),
      delivery: longText.optional(),
      languages: texts.optional(),
      accessibility: longText.optional(),
    })
    .optional(),
  success_measures: texts.optional(),
  existing_material: texts.optional(),
  stakeholders: z
    .array(z.looseObject({ name: shortText, role: shortText.optional(), interest: longText.optional() }))
    .max(100)
    .optional(),
  risks: texts.optional(),
  interview_notes: interviewNotes,
});

/** `user_data` of a report whose type has no intake of its own: what it is about, what it is for, and what stands in the way. */
const generalUserData = z.looseObject({
  title: shortText,
  description: longText,
  goals: texts.optional(),
  challenges: texts.optional(),
  interview_notes: interviewNotes,
});

const OWN_INTAKES = { greeting: greetingUserData, org: orgUserData, requirement: requirementUserData };
/** Report types without an intake of their own; none at present. */
type GeneralType = Exclude<ReportType, keyof typeof OWN_INTAKES>;

// Own members only: a type may be named like a member of every object, such as `constructor`.
const isGeneral = (type: ReportType): type is GeneralType => !Object.hasOwn(OWN_INTAKES, type);

/** The schema of `user_data` of a report type. */
export function userDataSchema(type: ReportType) {
  return isGeneral(type) ? generalUserData : OWN_INTAKES[type];
}

/** A union of schemas by `report_type`, each with its `user_data` and the members that all types share. */
export function byReportType<Members extends z.ZodRawShape>(members: Members) {
  const option = <Type extends ReportType, UserData extends z.ZodObject>(type: Type, userData: UserData) =>
    z.strictObject({ ...members, report_type: z.literal<Type>(type), user_data: userData });
  return z.discriminatedUnion('report_type', [
    option('greeting', OWN_INTAKES.greeting),
    option('org', OWN_INTAKES.org),
    option('requirement', OWN_INTAKES.requirement),
    ...REPORT_TYPES.filter(isGeneral).map((type) => option(type, generalUserData)),
  ]);
}

/** An intake record: `examples/intakes/<report type>-<name>.json`. */
export const intake = byReportType({
  title: shortText,
  /** The prompt for the report generator. */
  prompt: storableText.trim().min(1).max(MAX_PROMPT_CHARACTERS),
  /** The summary of the needs analysis so far, if there is one. */
  summary: longText.optional(),
});
export type Intake = z.infer<typeof intake>;
