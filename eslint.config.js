import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const NODE = { group: ['node:*'], message: 'workflows are deterministic: what touches the world is an activity' };

/** The rooms that each room may use, besides itself; docs/architecture.md has the same table. */
const ROOMS = {
  domain: [],
  tdl: ['domain'],
  icicle: ['domain'],
  os: ['domain', 'tdl'],
  planning: ['domain', 'tdl', 'os'],
  openstack: ['domain'],
  guest: ['domain'],
  media: ['domain'],
  codec: ['domain'],
  // Records are masked before they are written.
  store: ['domain', 'planning'],
  activities: ['domain', 'tdl', 'icicle', 'os', 'planning', 'openstack', 'guest', 'media', 'store'],
  // Of activities, workflows see the types only: their code stays out of the bundle.
  workflows: ['domain', 'activities'],
  worker: ['domain', 'activities', 'workflows', 'openstack', 'guest', 'media', 'store', 'codec'],
  client: ['domain', 'tdl', 'os', 'planning', 'codec'],
  // The command line builds images through the library alone. Of other rooms it uses: domain, for the words of a build
  // and its texts; worker, for the command `worker`; codec, for the command `codec`; guest, for the algorithms of old
  // SSH servers that the command `ssh` allows.
  cli: ['domain', 'codec', 'client', 'worker', 'guest'],
};

const ROOM_ZONES = Object.entries(ROOMS).flatMap(([room, allowed]) =>
  Object.keys(ROOMS)
    .filter((other) => other !== room && !allowed.includes(other))
    .map((other) => ({
      target: `./src/${room}`,
      from: `./src/${other}`,
      message: `src/${room} must not use src/${other}: see the rooms in docs/architecture.md`,
    })),
);

export default tseslint.config(
  { ignores: ['dist', '.cache', 'node_modules', 'tools'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.cts'] },
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'], '.cjs': ['.cts'] } })],
    },
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
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones: ROOM_ZONES }],
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
