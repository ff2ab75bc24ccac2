import stylistic from '@stylistic/eslint-plugin';
import tseslint from 'typescript-eslint';

const NODE = { group: ['node:*'], message: 'workflows are deterministic: what touches the world is an activity' };

export default tseslint.config(
  { ignores: ['dist', '.cache', 'node_modules', 'tools'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { '@stylistic': stylistic },
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['it', 'describe', 'test'] }] },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // Interfaces of ports are asynchronous whether or not an implementation waits.
      '@typescript-eslint/require-await': 'off',
      // Signals' reasons and Temporal's failures are thrown on as they come.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // picocolors' and node:test's functions need no `this`; JSON values are shown as text on purpose.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      // Prettier holds the width of code; a long text or address may stand on its line.
      '@stylistic/max-len': ['error', { code: 1000, comments: 120, ignoreUrls: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 300 }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'export it by its name' },
        {
          selector: 'MemberExpression[object.property.name="utils"][property.name="generateKeyPairSync"]',
          message:
            'one in a few hundred of ssh2’s key pairs is unusable: generateKeyPair (src/guest/keys.ts) tries each',
        },
      ],
    },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [NODE, { group: ['zod'], message: 'it quadruples a cached workflow' }] },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'Program > VariableDeclaration[kind="let"]', message: 'module state is shared between workflows' },
      ],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/client/(?!index\\.js$)',
              message: 'the command line uses what every user of the library has: src/client/index.ts',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      'max-lines': 'off',
    },
  },
);
