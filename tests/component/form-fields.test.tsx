import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fillForm, formFields, readForm, REST } from '../../src/console/views/new-report/form-fields.ts';
import { exampleNames, loadExample } from '../../src/console/views/new-report/examples.ts';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';
import type { ReportType } from '../../src/contracts/webhooks.ts';
import { greetingUserData, intake, userDataSchema } from '../../src/contracts/intake.ts';

const required = { full_name: 'Ada', job_title: 'Analyst', organisation_name: 'Engines' };

it('makes a control for each text, number and list, required ones first', () => {
  expect(formFields(greetingUserData).map(({ name, kind, isOptional }) => [name, kind, isOptional])).toEqual([
    ['full_name', 'text', false],
    ['job_title', 'text', false],
    ['organisation_name', 'text', false],
    ['department', 'text', true],
    ['location', 'text', true],
    ['years_in_role', 'number', true],
    ['team_size', 'number', true],
    ['languages', 'texts', true],
    ['background', 'long-text', true],
    ['responsibilities', 'texts', true],
    ['learning_goals', 'texts', true],
    ['concerns', 'texts', true],
    ['preferred_formats', 'texts', true],
    ['availability', 'long-text', true],
  ]);
});

it('knows the fields of every report type', () => {
  for (const schema of REPORT_TYPES.map(userDataSchema)) {
    const isRequired = formFields(schema).filter(({ isOptional }) => !isOptional);
    expect(isRequired.length).toBeGreaterThan(1);
  }
});

it('has a title and a text for a report type without an intake of its own', () => {
  // `constructor` is a member of every object, and a possible name of a type.
  for (const name of ['survey', 'constructor']) {
    // Safe: a type that has no intake of its own, as a new one has none.
    const type = name as ReportType;
    const fields = formFields(userDataSchema(type)).map(({ name, kind, isOptional }) => [
      name,
      kind,
      isOptional,
    ]);
    expect(fields).toEqual([
      ['title', 'text', false],
      ['description', 'long-text', false],
      ['goals', 'texts', true],
      ['challenges', 'texts', true],
    ]);
  }
});

it.each(REPORT_TYPES)('checks an intake of the type %s by its own schema', (report_type) => {
  const issues =
    intake.safeParse({ report_type, title: 'T', prompt: 'P', user_data: {} }).error?.issues ?? [];
  const required = formFields(userDataSchema(report_type)).filter(({ isOptional }) => !isOptional);
  expect(issues.map(({ path }) => path)).toEqual(required.map(({ name }) => ['user_data', name]));
});

describe('every example goes into the form and comes out as it was', () => {
  for (const reportType of REPORT_TYPES) {
    it.each(exampleNames(reportType))('%s', async (name) => {
      const { user_data } = await loadExample(name);
      const schema = userDataSchema(reportType);
      const read = readForm(schema, fillForm(formFields(schema), user_data));
      expect(read).toEqual({ ok: true, value: user_data });
    });
  }
});

it('leaves out what is empty, and makes numbers and lists of texts', () => {
  const texts = { ...required, department: '  ', team_size: ' 12 ', languages: 'Hindi\n\n English \n' };
  expect(readForm(greetingUserData, { texts, rest: '' })).toEqual({
    ok: true,
    value: { ...required, team_size: 12, languages: ['Hindi', 'English'] },
  });
});

it('keeps nested and unknown fields of the JSON', () => {
  const rest = '{"contact": {"email": "a@example.com"}, "shoe_size": 38}';
  expect(readForm(greetingUserData, { texts: required, rest })).toEqual({
    ok: true,
    value: { ...required, contact: { email: 'a@example.com' }, shoe_size: 38 },
  });
});

function errorsOf(texts: Record<string, string>, rest = ''): unknown {
  const read = readForm(greetingUserData, { texts, rest });
  return read.ok ? {} : read.errors;
}

it('names the required fields that are missing', () => {
  expect(errorsOf({ full_name: 'Ada' })).toEqual({
    job_title: 'Job title is required.',
    organisation_name: 'Organisation name is required.',
  });
});

it('puts each issue at its field, with the line of a list and the path of nested JSON', () => {
  expect(errorsOf({ ...required, team_size: '-1' })).toEqual({
    team_size: expect.stringMatching(/>=0/) as unknown,
  });
  expect(errorsOf({ ...required, team_size: 'many' })).toEqual({
    team_size: expect.stringMatching(/expected (number|int)/i) as unknown,
  });
  expect(errorsOf({ ...required, languages: `Hindi\n${'x'.repeat(20_001)}` })).toEqual({
    languages: expect.stringMatching(/^line 2: /) as unknown,
  });
  expect(errorsOf(required, '{"prior_training": [{"title": "A", "year": 3}]}')).toEqual({
    [REST]: expect.stringMatching(/^prior_training\.0\.year: /) as unknown,
  });
});

it('refuses invalid JSON, JSON that is not an object, and members that have a field', () => {
  expect(errorsOf(required, '{"a"')).toEqual({ [REST]: expect.stringMatching(/^is not JSON: /) as unknown });
  expect(errorsOf(required, '[1]')).toEqual({ [REST]: expect.stringMatching(/JSON object/) as unknown });
  expect(errorsOf(required, '{"full_name": "Eve"}')).toEqual({
    [REST]: expect.stringMatching(/^full_name has its own field/) as unknown,
  });
});

it('makes no control for a value that it cannot show', () => {
  expect(formFields(z.object({ when: z.date(), nested: z.object({}), choice: z.enum(['a']) }))).toEqual([]);
});
