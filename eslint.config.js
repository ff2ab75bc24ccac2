import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const NODE = { group: ['node:*'], message: 'workflows are deterministic: what touches the world is an activity' };

/** Which room may not use which; docs/architecture.md has the table. */
const ROOMS = {
  tdl: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'media', 'os'],
  icicle: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'media', 'os', 'tdl'],
  os: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'media'],
  build: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'media'],
  openstack: ['activities', 'client', 'worker', 'workflows', 'guest', 'store', 'media', 'tdl', 'os', 'icicle'],
  guest: ['activities', 'client', 'worker', 'workflows', 'openstack', 'store', 'media', 'tdl', 'os', 'icicle'],
  media: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'tdl', 'os', 'icicle'],
  store: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'media', 'tdl', 'os', 'icicle'],
  activities: ['client', 'worker', 'workflows', 'codec'],
  codec: ['activities', 'client', 'worker', 'workflows', 'openstack', 'guest', 'store', 'media', 'tdl', 'os', 'icicle'],
  worker: ['client'],
};

function roomRules() {
  return Object.entries(ROOMS).map(([room, others]) => ({
    files: [`src/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: others.map((other) => `**/${other}/*`), message: `${room} must not know this room` }] },
      ],
    },
  }));
}

export default tseslint.config(
  { ignores: ['dist', '.cache', 'node_modules', 'tools'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
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
      'import-x/no-default-export': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 300 }],
      'no-restricted-syntax': [
        'error',
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
        {
          patterns: [
            NODE,
            {
              group: ['**/client/*', '**/worker/*', '**/openstack/*', '**/guest/*', '**/store/*', '**/media/*', 'zod'],
              message: 'workflows see types and pure code only',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'Program > VariableDeclaration[kind="let"]', message: 'module state is shared between workflows' },
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
  ...roomRules(),
);
