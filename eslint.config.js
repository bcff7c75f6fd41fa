import js from '@eslint/js';
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
  { ignores: ['dist', '.data*', '.vercel', 'coverage', 'src/server/db/database.types.ts'] },
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
  forbid(
    ['src/contracts/**'],
    ['server', 'services', 'api', 'components', 'pages', 'scripts', 'tests'],
    'Contracts import nothing but contracts.',
  ),
  forbid(
    ['src/server/**'],
    ['api', 'services', 'components', 'pages', 'scripts', 'tests'],
    'The server imports only the contracts.',
  ),
  forbid(['api/**'], ['services', 'components', 'pages', 'scripts', 'tests'], 'Endpoints import the server.'),
  forbid(
    ['src/services/**', 'src/components/**', 'src/pages/**'],
    ['server', 'api', 'scripts', 'tests'],
    'The console never imports the server.',
  ),
);
