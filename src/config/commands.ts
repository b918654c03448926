/** Every command: the command line, `--help`, the completions and the man page are made from this. */

import { CHECK, EXPORT, FOLLOW, FORGET, POLL, REDELIVER, STATUS, VERIFY, type OptionTable } from './options.ts';
import { TOPICS } from './topics.ts';

export const NAME = 'fetch-activity-logs';
/** What a call without a command does. */
export const DEFAULT_COMMAND = 'collect';

export interface Command {
  readonly name: string;
  /** What it does, as an imperative. */
  readonly describe: string;
  /** What may follow the name, such as SOURCE; `values` are all there are. */
  readonly argument?: { readonly name: string; readonly values?: readonly string[]; readonly isRequired: boolean };
  readonly options: OptionTable;
  readonly examples: readonly (readonly [call: string, meaning: string])[];
  /** What needs a sentence. */
  readonly notes?: readonly string[];
}

const STDOUT = 'stdout carries events and nothing else.';
const TYPES =
  'With --include-types and --exclude-types, events that are left out are counted and noted in the journal. ' +
  '`redeliver` prints them once the option is removed. An event without a type is left out by --include-types only.';

/** Commands that do something with events. */
const WORKING: readonly Command[] = [
  {
    name: 'collect',
    describe: 'Poll once and print new events (default)',
    options: POLL,
    examples: [
      ['$0 --peek --since 1h | head -n 3', 'Look at some events; nothing is remembered'],
      ['$0 --state-file state.json', 'Poll once; the next run continues from there'],
    ],
    notes: [STDOUT, TYPES],
  },
  {
    name: 'follow',
    describe: 'Poll until stopped',
    options: FOLLOW,
    examples: [
      ['$0 follow --peek --since 1h', 'Watch on a terminal until Ctrl-C; nothing is remembered'],
      ['$0 follow --provider cloudscale', 'Follow the log of a cloudscale.ch project'],
    ],
    notes: [STDOUT, TYPES],
  },
  {
    name: 'export',
    describe: 'Write all events of a time range, once; cursors are neither read nor moved',
    options: EXPORT,
    examples: [
      ['$0 export --from 7d -o week.jsonl', 'The last seven days of all contracts'],
      ['$0 export --from 2026-10-01 --to 2026-11-01 -o october.csv', 'October, for an auditor'],
      ['$0 export --from 2d --to 1d -o day.csv --separator semicolon', 'One day, for a spreadsheet'],
    ],
    notes: [
      'An export has events of all types, whatever ACTIVITY_LOG_EXCLUDE_TYPES and ACTIVITY_LOG_INCLUDE_TYPES say.',
    ],
  },
  {
    name: 'verify',
    describe: 'Compare the journal with the API, and with a copy of what arrived',
    options: VERIFY,
    examples: [
      ['sudo $0 verify --from 7d', 'Is anything of the last week missing?'],
      ['sudo $0 verify --from 2d --to 1d --arrived copy.jsonl', 'Did it arrive at the destination?'],
    ],
    notes: ['Exits with 3 when something is missing, twice or altered, 1 when nothing could be compared.'],
  },
  {
    name: 'redeliver',
    describe: 'Queue a past time range for the next runs to deliver again',
    options: REDELIVER,
    examples: [
      ['sudo $0 redeliver --from 2d --to 1d', 'Deliver yesterday again'],
      ['sudo $0 redeliver --from 7d --missing', 'Deliver what is missing of the last week'],
    ],
    notes: ['Do this instead of deleting the state file. `status` shows the queue.'],
  },
  {
    name: 'forget',
    describe: 'Retire a source that the token no longer sees',
    argument: { name: 'SOURCE', isRequired: true },
    options: FORGET,
    examples: [['sudo $0 forget ionos/31721060', 'Contract 31721060 was cancelled']],
    notes: ['`status` lists the sources. The journal of the source stays; its queued ranges are dropped.'],
  },
  {
    name: 'status',
    describe: 'Show how far each source is; needs no token and no lock',
    options: STATUS,
    examples: [
      ['sudo $0 status', "All inputs of this machine's Fluent Bit"],
      ['$0 status --max-behind 15m >/dev/null || alert', 'For monitoring'],
    ],
    notes: [
      'Exits with 0 when all is well; with 3 when a source failed last or is behind, or when Fluent Bit or the ' +
        'destination has refused, dropped or not yet taken events; with 1 when there is no state.',
    ],
  },
  {
    name: 'check',
    describe: 'Find what would cost events: token, API, clock, state, Fluent Bit, destination',
    options: CHECK,
    examples: [
      ['sudo $0 check', "Check this machine's Fluent Bit"],
      ['$0 check --config fluent-bit.yaml', 'Check another configuration file'],
    ],
    notes: [
      'Options replace those of the command in the Fluent Bit configuration.',
      'Exits with 1 when something would cost events. Changes nothing.',
    ],
  },
];

/** Shells for which there is a completion script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const COMPLETION: Command = {
  name: 'completion',
  describe: 'Print the completion script of a shell',
  argument: { name: 'SHELL', values: SHELLS, isRequired: true },
  options: {},
  examples: [
    ['source <($0 completion bash)', 'In ~/.bashrc'],
    ['source <($0 completion zsh)', 'In ~/.zshrc, after compinit'],
    ['$0 completion fish | source', 'In ~/.config/fish/config.fish'],
  ],
};

const HELP: Command = {
  name: 'help',
  describe: 'Show the help of a command or a topic',
  argument: {
    name: 'COMMAND|TOPIC',
    values: [...[...WORKING, COMPLETION].map(({ name }) => name), ...TOPICS.map(({ name }) => name)],
    isRequired: false,
  },
  options: {},
  examples: [
    ['$0 help export', 'Same as export --help'],
    ['$0 help troubleshooting', 'Messages, and what to do'],
  ],
};

export const COMMANDS: readonly Command[] = [...WORKING, COMPLETION, HELP];

/** Undefined when there is no command of this name. */
export function commandNamed(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** Options that every command takes. */
export const GENERAL: Readonly<Record<'help' | 'version', { readonly short: string; readonly describe: string }>> = {
  help: { short: 'h', describe: 'Show this help' },
  version: { short: 'V', describe: 'Show the version' },
};
