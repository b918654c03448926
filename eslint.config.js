import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// The floors of src/, from the top down. A folder imports only from the floors below its own; CONTRIBUTING.md draws them.
const FLOORS = [
  ['commands'], // one file a command
  ['setup'], // what install.sh asks
  ['check', 'verify'], // what the larger commands are made of
  ['export', 'session'], // a file that grows; what one poll works with
  ['config'], // options, environment and token become one Config
  ['delivery'], // lines, stdout, acknowledgement
  ['state'], // how far each source got, and the lock
  ['providers'], // an API's pages
  ['events', 'http'], // bytes become events; requests become answers
  ['lib'], // knows nothing of events
];
// The floors inside src/check/; finding.ts, which says what a finding is, may be imported by all of them.
const CHECK_FLOORS = [['probes'], ['rules'], ['facts'], ['fluent-bit-config']];

/** Rules that forbid the folders of one list to import what stands beside or above them, and what `above` names. */
function floors(root, list, above) {
  return list.flatMap((floor, index) =>
    floor.map((folder) => {
      const others = [...list.slice(0, index).flat(), ...floor.filter((name) => name !== folder)];
      const regex = `^(?:\\.\\./)+(?:${[...others.map((name) => `${name}/`), ...above].join('|')})`;
      const message = `${root}/${folder}/ imports only from the floors below it (see FLOORS in eslint.config.js).`;
      return {
        files: [`${root}/${folder}/**/*.ts`],
        rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] },
      };
    }),
  );
}

export default tseslint.config(
  { ignores: ['dist', 'coverage'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/strict-boolean-expressions': ['error', { allowNullableBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
    },
  },
  ...floors('src', FLOORS, ['main\\.ts', 'cli\\.ts']),
  // The rule of the last entry that fits a file counts alone: these repeat what src/check/ may not import.
  ...floors('src/check', CHECK_FLOORS, [
    'commands/',
    'verify/',
    'main\\.ts',
    'cli\\.ts',
    'run-checks\\.ts',
    'report\\.ts',
  ]),
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's describe and it return promises that the runner itself waits for.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['describe', 'it', 'test', 'suite'] },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.d.ts'],
    rules: { 'no-restricted-exports': 'off' },
  },
  {
    files: ['*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
    rules: { 'no-restricted-exports': 'off' },
  },
);
