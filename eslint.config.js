import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Imports run one way: api → src/server → src/contracts, and console → src/services → src/contracts. */
function forbid(files, rooms, reason) {
  return {
    files,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: rooms.map((room) => ({ group: [`**/${room}/**`], message: reason })) },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist', '.data*', '.vercel', 'coverage', 'src/contracts/database.types.ts'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    // Playwright reads which fixtures another needs from its parameter's pattern.
    files: ['tests/e2e/**'],
    rules: { 'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] },
  },
  { files: ['src/**/*.tsx'], extends: [reactHooks.configs.flat.recommended] },
  forbid(
    ['src/contracts/**'],
    ['server', 'services', 'api', 'console', 'components', 'pages', 'scripts', 'tools', 'tests'],
    'Contracts import nothing but contracts.',
  ),
  forbid(
    ['src/server/**'],
    ['api', 'services', 'console', 'components', 'pages', 'scripts', 'tools', 'tests'],
    'The server imports only the contracts.',
  ),
  {
    files: ['src/server/**'],
    ignores: ['src/server/clock.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['Date', 'performance'].map((object) => ({
          object,
          property: 'now',
          message:
            'Take a Clock as argument: monotonicNow() for durations and budgets, now() for a time of day.',
        })),
      ],
    },
  },
  forbid(
    ['api/**'],
    ['services', 'console', 'components', 'pages', 'scripts', 'tools', 'tests'],
    'Endpoints import the server.',
  ),
  forbid(
    ['src/services/**'],
    ['server', 'api', 'console', 'components', 'pages', 'scripts', 'tools', 'tests'],
    'Services import only the contracts.',
  ),
  forbid(
    ['src/console/**', 'src/components/**', 'src/pages/**'],
    ['server', 'api', 'scripts', 'tools', 'tests'],
    'The console never imports the server.',
  ),
);
