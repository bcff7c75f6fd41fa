import { createConfig, lintFromString } from '@redocly/openapi-core';

/**
 * Findings of the linter's recommended rules, one line each. Nothing is fetched, since the document has no external
 * references.
 */
export async function lintDocument(source: string): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended'],
    // OPTIONS is never refused. All other operations have typed problems.
    rules: { 'operation-4xx-response': 'off' },
  });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  return problems.map(
    ({ severity, ruleId, message, location: [where] }) =>
      `${severity} ${ruleId}: ${message} (${where?.pointer ?? ''})`,
  );
}
