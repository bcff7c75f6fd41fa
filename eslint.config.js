import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Imports and `import()` of these rooms are refused in these files. `pattern`: for what no name of a folder says. */
function forbid(files, rooms, reason, pattern) {
  const refused = [`/(?:${rooms.join('|')})/`, ...(pattern === undefined ? [] : [pattern])].join('|');
  return {
    files,
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: refused, message: reason }] }],
      // The rule above sees no `import()`.
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportExpression > Literal.source[value=/${refused.replaceAll('/', '\\u002F')}/]`,
          message: reason,
        },
      ],
    },
  };
}

/** Whatever is no part of the deployed project. */
const AROUND = ['scripts', 'tools', 'tests'];
const CONSOLE = ['console', 'components', 'pages'];

/**
 * Imports run one way: api → src/server → src/contracts, and src/console → src/services → src/contracts; inside the console
 * app → views/<view> → ui → lib; around them scripts → tools. A later entry replaces an earlier one, so each is whole.
 */
const ROOMS = [
  forbid(
    ['src/contracts/**'],
    ['server', 'services', 'api', ...CONSOLE, ...AROUND],
    'Contracts import nothing but contracts.',
  ),
  forbid(
    ['src/server/**'],
    ['api', 'services', ...CONSOLE, ...AROUND],
    'The server imports only the contracts.',
  ),
  forbid(
    ['src/server/{deliver,events}/**'],
    ['jobs', 'generation', 'api', 'services', ...CONSOLE, ...AROUND],
    'Deliveries and events know no job, and the server imports only the contracts.',
  ),
  forbid(['api/**'], ['services', ...CONSOLE, ...AROUND], 'Endpoints import the server.'),
  forbid(
    ['src/services/**'],
    ['server', 'api', ...CONSOLE, ...AROUND],
    'Services import only the contracts.',
  ),
  forbid(
    ['src/components/**', 'src/pages/**', 'src/console/app/**'],
    ['server', 'api', ...AROUND],
    'The console never imports the server.',
  ),
  forbid(
    ['src/console/views/**'],
    ['app', 'components', 'pages', 'server', 'api', ...AROUND],
    'A view imports ui, lib, services and contracts. What two views need stands in ui or lib.',
    // From one view to another: each is a folder without folders.
    '^\\.\\./(?!\\.\\./)|/views/',
  ),
  forbid(
    ['src/console/ui/**'],
    ['app', 'views', 'components', 'pages', 'server', 'api', ...AROUND],
    'What views share knows no view.',
  ),
  forbid(
    ['src/console/lib/**'],
    ['app', 'views', 'ui', 'components', 'pages', 'server', 'api', ...AROUND],
    'The library of the console knows nothing that is drawn.',
  ),
  forbid(['tools/**'], ['scripts', 'tests'], 'Commands import tools, never the other way round.'),
  forbid(['scripts/**'], ['tests'], 'Commands import tools and the source.'),
];

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
  ROOMS,
);
