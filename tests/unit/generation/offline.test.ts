import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RESULT_BYTES, REPORT_TYPES, STAGES } from '../../../src/contracts/constants.ts';
import { createGenerate } from '../../../src/server/generation/create-generate.ts';
import type { ReportType } from '../../../src/contracts/webhooks.ts';
import {
  GenerationFailed,
  type GenerationProgress,
  type ReportRequest,
} from '../../../src/server/generation/generate.ts';
import { generateOffline } from '../../../src/server/generation/offline.ts';
import { finalRecommendations } from '../../../src/server/generation/offline/final.ts';
import { greeting } from '../../../src/server/generation/offline/greeting.ts';
import { cpuMsOf, MOST_CPU_MS } from '../../support/cpu-ms.ts';

// Safe: a type that has no composer of its own, as a new one has none.
const NEW_TYPE = 'survey' as ReportType;

function request(overrides: Partial<ReportRequest> = {}): ReportRequest {
  return {
    reportType: 'requirement',
    stage: 'prelim',
    prompt: 'Write the brief.',
    model: null,
    temperature: null,
    maxTokens: null,
    userData: {
      requirement_title: '安全衛生教育',
      business_need: 'Near misses have doubled.',
      skills: [
        { skill: 'Lockout', current_level: 4, target_level: 4, priority: 'high' },
        { skill: 'Reporting', current_level: 2, target_level: 3, priority: 'low' },
        { skill: 'Forklifts', current_level: 1, target_level: 4, priority: 'high' },
      ],
      interview_notes: [{ speaker: 'Ren', department: 'Plant', question: 'Why?', answer: 'Haste.' }],
    },
    previousReport: null,
    summary: null,
    ...overrides,
  };
}

const control = { signal: new AbortController().signal, onProgress: () => undefined };

async function textOf(overrides: Partial<ReportRequest> = {}): Promise<string> {
  return (await generateOffline(request(overrides), control)).text;
}

describe('the generator without a network', () => {
  it('is chosen where no model is configured, also in previews', () => {
    expect(createGenerate({})).toBe(generateOffline);
    expect(createGenerate({ VERCEL_ENV: 'preview' })).toBe(generateOffline);
  });

  it('is chosen in production only where it is asked for', async () => {
    const asked = { VERCEL_ENV: 'production', GENERATOR: 'offline' } as const;
    expect(createGenerate(asked)).toBe(generateOffline);
    const refused = createGenerate({ VERCEL_ENV: 'production' })(request(), control);
    await expect(refused).rejects.toThrow(GenerationFailed);
    await expect(refused).rejects.toThrow(/LLM_BASE_URL and LLM_MODELS, or GENERATOR=offline/);
  });

  it('is chosen before a model that is configured too, where it is asked for', () => {
    const env = { LLM_BASE_URL: 'https://llm.example/v1', LLM_MODELS: ['m'] };
    expect(createGenerate({ ...env, GENERATOR: 'offline' })).toBe(generateOffline);
  });

  it('composes a text for a job without a report', async () => {
    const asked = { prompt: 'A *starmap*', model: null, temperature: null, maxTokens: null };
    const generated = await generateOffline({ ...asked, reportType: null, stage: null }, control);
    expect(generated.text).toContain('starmap');
    expect(generated).toMatchObject({ metadata: { generator: 'offline' }, finalData: null });
  });

  it('says in the metadata what it is', async () => {
    const { metadata, finalData } = await generateOffline(request(), control);
    expect(metadata).toMatchObject({ generator: 'offline', model: null });
    expect(finalData).toBeNull();
  });

  it('writes the same brief for the same request', async () => {
    expect(await textOf()).toBe(await textOf());
  });

  it('states in a preliminary brief what is known, what was said and what is open', async () => {
    const text = await textOf();
    expect(text).toContain('# Preliminary brief: 安全衛生教育');
    expect(text).toContain('| Forklifts | 1 | 4 | 3 | high |');
    expect(text).toContain('> Why? — Haste.\n>\n> — Ren, Plant');
    expect(text).toContain('Who must learn this, how many are they, and where?');
    expect(text).not.toContain('## Recommendations');
  });

  it('recommends in a final brief, the widest gap first, and leaves closed gaps alone', async () => {
    const { text, finalData } = await generateOffline(
      request({ stage: 'final', previousReport: await textOf() }),
      control,
    );
    expect(text).toContain('completes the preliminary one, which covered: The need; Skills and gaps;');
    expect(text.indexOf('Close the gap in: Forklifts')).toBeGreaterThan(0);
    expect(text.indexOf('Close the gap in: Forklifts')).toBeLessThan(
      text.indexOf('Close the gap in: Reporting'),
    );
    expect(text).not.toContain('Lockout');
    expect(finalData).toMatchObject({
      sections: ['Conclusions', 'Recommendations', 'Plan', 'Measures', 'Open points'],
      key_recommendations: [
        { action: 'Close the gap in: Forklifts' },
        { action: 'Close the gap in: Reporting' },
      ],
    });
  });

  it('has no sections without content', async () => {
    expect(await textOf({ userData: null, stage: 'final' })).not.toMatch(/##[^\n]*\n+(##|$)/);
    expect(await textOf({ userData: null })).not.toMatch(/##[^\n]*\n+##/);
  });

  it('keeps text as text: neither HTML nor Markdown of the intake takes effect', async () => {
    const attack =
      '<img src=x onerror=alert(1)> | [a](javascript:alert(1)) **b** `c`\n# heading\n- item & ~~d~~';
    const text = await textOf({
      reportType: 'org',
      userData: {
        organisation_name: attack,
        challenges: [attack, '# not a heading', '1. not a list'],
        [attack]: attack,
      },
    });
    expect(text).not.toMatch(/<img|\n# heading|[^\\]\[a\]|[^\\]`c|\n- item/);
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt; &#124; \\[a\\](javascript:alert(1))');
    expect(text).toContain('- \\# not a heading\n- 1\\. not a list');
  });

  it('makes a brief of any JSON', async () => {
    const fields = fc.constantFrom(
      'full_name',
      'learning_goals',
      'contact',
      'departments',
      'indicators',
      'current_training',
      'skills',
      'constraints',
      'audience',
      'interview_notes',
      'challenges',
      'goals',
      'description',
      'prior_training',
      'availability',
      '__proto__',
      '',
    );
    const anyJson = fc.jsonValue({ maxDepth: 4 });
    const userData = fc.oneof(anyJson, fc.dictionary(fields, anyJson));
    await fc.assert(
      fc.asyncProperty(
        userData,
        fc.constantFrom(...REPORT_TYPES, NEW_TYPE),
        fc.constantFrom(...STAGES),
        fc.option(fc.string()),
        async (data, reportType, stage, previousReport) => {
          const text = await textOf({ userData: data, reportType, stage, previousReport });
          expect(text).toMatch(/^# (Preliminary|Final) brief: \S.*\n\nAsked for: Write the brief\.\n/);
          expect(text).not.toContain('[object Object]');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes JSON of any depth', async () => {
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 100_000; depth += 1) deep = { challenges: deep };
    expect(await textOf({ userData: deep, reportType: 'org' })).toContain('…');
  });

  it.each([...REPORT_TYPES, NEW_TYPE])(
    'keeps a %s brief storable however long the intake is',
    async (reportType) => {
      const long = '長い話🧑‍🚀&'.repeat(5_000);
      const list = Array.from({ length: 200 }, () => long);
      const fields = [
        'full_name',
        'background',
        'responsibilities',
        'learning_goals',
        'concerns',
        'prior_training',
        'organisation_name',
        'mission',
        'strategic_goals',
        'departments',
        'challenges',
        'regulations',
        'indicators',
        'requirement_title',
        'business_need',
        'skills',
        'outcomes',
        'risks',
        'audience',
        'interview_notes',
        'description',
        'goals',
      ];
      const userData = Object.fromEntries(fields.map((field) => [field, list]));
      const text = await textOf({ userData, reportType, summary: long, prompt: long });
      expect(text).toContain('The rest is left out');
      expect(text.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(text)).toBeLessThan(MAX_RESULT_BYTES);
      const { finalData } = await generateOffline(request({ userData, reportType, stage: 'final' }), control);
      expect(JSON.stringify(finalData).length).toBeLessThan(20_000);
    },
  );

  it('composes no more recommendations than a final shows', () => {
    let composed = 0;
    const recommendations = function* () {
      while (composed < 100) yield { action: `${(composed += 1)}`, reason: 'r', measure: 'm' };
    };
    expect(finalRecommendations({ ...greeting, recommendations }, {}).map(({ action }) => action)).toEqual(
      Array.from({ length: 8 }, (_, index) => `${index + 1}`),
    );
    expect(composed).toBe(8);
  });

  it('repeats in a recommendation only the beginning of a long text', async () => {
    const userData = {
      job_title: 'x'.repeat(10_000),
      preferred_formats: ['Talks'],
      learning_goals: ['Go!?!', 'y'.repeat(10_000)],
    };
    const { text } = await generateOffline(
      request({ reportType: 'greeting', stage: 'final', userData }),
      control,
    );
    expect(text).toContain('What comes first: Set up a learning path towards: Go.\n');
    expect(text.length).toBeLessThan(5_000);
  });

  const many = (count: number, value: unknown) => Array.from({ length: count }, () => value);
  const long = 'x'.repeat(150_000);
  it.each<[string, ReportType, unknown]>([
    [
      'a long role and many goals',
      'greeting',
      { job_title: long, preferred_formats: long, learning_goals: many(30_000, 'a') },
    ],
    [
      'many challenges and departments',
      'org',
      { challenges: many(30_000, 'a'), departments: many(30_000, 'b') },
    ],
    [
      'a department with a number of 150,000 digits',
      'org',
      {
        challenges: ['a'],
        departments: [{ headcount: '1'.repeat(150_000) }, ...many(9_000, { headcount: 1 })],
      },
    ],
    ['marks inside of a goal', 'greeting', { learning_goals: [`${'!'.repeat(290_000)}x`] }],
    [
      'a long priority and many skills',
      'requirement',
      { skills: [{ priority: long }, ...many(9_000, { priority: 'low' })] },
    ],
    ['many members', NEW_TYPE, Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [index, 1]))],
  ])('costs little for an intake of the largest size: %s', async (_title, reportType, userData) => {
    for (const stage of STAGES) {
      expect(await cpuMsOf(() => textOf({ userData, reportType, stage }))).toBeLessThan(MOST_CPU_MS);
    }
  });

  it('keeps the whole of a long intake that fits, in its appendix', async () => {
    const notes = Array.from({ length: 300 }, (_, index) => ({
      question: `Q${index}`,
      answer: `A${index} `.repeat(100),
    }));
    const text = await textOf({ userData: { interview_notes: notes } });
    for (const { answer } of notes) expect(text).toContain(answer.trim());
  });

  it('moves its progress, never back, and not to the end', async () => {
    const steps: GenerationProgress[] = [];
    await generateOffline(request(), { ...control, onProgress: (step) => void steps.push(step) });
    const percents = steps.map(({ percent }) => percent);
    expect(percents).toEqual([...new Set(percents)].sort((a, b) => a - b));
    expect(percents.length).toBeGreaterThan(3);
    expect(percents.at(-1)).toBe(95);
  });

  it('ends when it is cancelled between two sections', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const onProgress = () => controller.abort(reason);
    await expect(generateOffline(request(), { signal: controller.signal, onProgress })).rejects.toBe(reason);
  });
});

describe('the brief of a report type without a composer of its own', () => {
  const userData = {
    title: 'Skills at the harbour',
    description: 'Cranes are *new*.',
    goals: ['Run the cranes at night', 'Fewer stops'],
    challenges: 'Nobody has time.',
    headcount: 40,
    shift_leads: ['Ada', 'Bo'],
    site: { town: 'Rijeka', berths: 3 },
    '<b>': 'odd',
    empty: '',
  };

  it('shows all that the intake says, under the headings of any brief', async () => {
    const text = await textOf({ reportType: NEW_TYPE, userData });
    expect(text.split('\n## Appendix')[0]).toBe(
      `# Preliminary brief: Skills at the harbour

Asked for: Write the brief.

_Composed from the intake by rule, without a language model._

## What it is about

Cranes are \\*new\\*.

## Goals

- Run the cranes at night
- Fewer stops

## Challenges

- Nobody has time.

## At a glance

- **Headcount:** 40
- **&lt;b&gt;:** odd

## Details

**Shift leads**

- Ada
- Bo

**Site**

- Town: Rijeka
- Berths: 3

## Points to clarify

The intake does not say:

- Who was asked, and what did they say?
`,
    );
  });

  it('recommends what the goals and the challenges call for', async () => {
    const { text, finalData } = await generateOffline(
      request({ reportType: NEW_TYPE, userData, stage: 'final' }),
      control,
    );
    expect(text).toContain('# Final brief: Skills at the harbour\n');
    expect(text).toContain('2. **Set up a learning path towards: Fewer stops**');
    expect(finalData).toMatchObject({
      sections: ['Conclusions', 'Recommendations', 'Plan', 'Measures', 'Risks', 'Open points'],
      key_recommendations: [
        { action: 'Set up a learning path towards: Run the cranes at night' },
        { action: 'Set up a learning path towards: Fewer stops' },
        { action: 'Find out whether training answers this challenge: Nobody has time.' },
      ],
    });
  });

  it.each([
    ['a name before that of the organisation', { organisation_name: 'Port', name: 'Ana' }, 'Ana'],
    [
      'the first text, where no member names it',
      { size: 3, blank: ' ', topic: 'Cranes', z: 'last' },
      'Cranes',
    ],
    ['nothing, where there is no text', { size: 3 }, 'An untitled report'],
  ])('has for its title %s', async (_title, data, title) => {
    expect(await textOf({ reportType: NEW_TYPE, userData: data })).toContain(
      `# Preliminary brief: ${title}\n`,
    );
  });
});
