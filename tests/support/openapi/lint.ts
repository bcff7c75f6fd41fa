import { createConfig, lintFromString } from '@redocly/openapi-core';

/** What the recommended rules of the linter say, one line each. Nothing is fetched: the document has no reference to another file. */
export async function lintDocument(source: string): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended'],
    // OPTIONS is never refused. All other operations have problems by their type.
    rules: { 'operation-4xx-response': 'off' },
  });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  return problems.map(
    ({ severity, ruleId, message, location: [where] }) =>
      `${severity} ${ruleId}: ${message} (${where?.pointer ?? ''})`,
  );
}
