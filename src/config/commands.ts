/** Every command with its options: the command line, `--help`, the completions and the man page are made from this. */

import { FIELD_NAMES } from '../delivery/add-fields.ts';
import { LOG_LEVELS } from '../lib/log.ts';
import { PROVIDERS } from '../providers/index.ts';
import { FORMATS, SEPARATOR_NAMES } from './export-request.ts';
import { TOPICS } from './topics.ts';

export const NAME = 'fetch-activity-logs';
/** What a call without a command does. */
export const DEFAULT_COMMAND = 'collect';

/** The groups of options, in the order in which they are shown everywhere. */
export const GROUPS = ['Range', 'Source', 'State', 'Output', 'Delivery', 'Limits', 'Logging', 'Fluent Bit'] as const;

/** An option. One without a value is a switch. */
export interface Option {
  readonly group: (typeof GROUPS)[number];
  readonly describe: string;
  /** What stands for the value, such as FILE, for which completion offers file names. */
  readonly value?: string;
  /** What applies when neither the option nor its environment variable is given. */
  readonly fallback?: string;
  /** All values there are. */
  readonly values?: readonly string[];
  /** The value may be several of `values`, separated by commas. */
  readonly isList?: boolean;
  readonly isRequired?: boolean;
  readonly isRepeatable?: boolean;
  /** It has no environment variable. */
  readonly isOptionOnly?: boolean;
  /** A single letter. */
  readonly short?: string;
}

export type Options = Readonly<Record<string, Option>>;

export interface Command {
  readonly name: string;
  /** What it does, as an imperative. */
  readonly describe: string;
  /** What may follow the name, such as SOURCE; `values` are all there are. */
  readonly argument?: { readonly name: string; readonly values?: readonly string[]; readonly isRequired: boolean };
  readonly options: Options;
  readonly examples: readonly (readonly [call: string, meaning: string])[];
  /** What needs a sentence. */
  readonly notes?: readonly string[];
}

/** A setting that has an environment variable as well. */
function setting(group: Option['group'], value: string, describe: string, fallback?: string): Option {
  return { group, value, describe, ...(fallback === undefined ? {} : { fallback }) };
}

const PROVIDER = {
  provider: {
    ...setting('Source', 'NAME', 'Whose audit log: ionos or cloudscale', 'ionos'),
    values: Object.keys(PROVIDERS),
  },
};
const CONTRACT: Option = {
  ...setting('Source', 'N', 'Only this contract; can be repeated', 'all that the token sees'),
  isRepeatable: true,
};
const API: Options = {
  ...PROVIDER,
  'api-url': setting('Source', 'URL', 'Address of the API', "the vendor's"),
  'token-file': setting('Source', 'FILE', 'File with the API token; a token is never an option'),
  contract: CONTRACT,
};
const STATE_FILE: Options = {
  'state-file': setting('State', 'FILE', 'Where the cursors are kept', '/var/lib/fluent-bit/activity_log_state.json'),
};
const ADD_FIELDS: Options = {
  'add-fields': {
    ...setting('Output', 'LIST', `Fields to add in front of each event: ${FIELD_NAMES.join(', ')}`, 'none'),
    values: FIELD_NAMES,
    isList: true,
  },
};
const LIMITS: Options = {
  'page-size': setting('Limits', 'N', 'Events per request', '1000'),
  concurrency: setting('Limits', 'N', 'Sources to poll at once', '4'),
  'request-timeout': setting('Limits', 'D', 'Timeout per request', '30s'),
};
const ACKNOWLEDGEMENT: Options = {
  'ack-url': setting('Delivery', 'URL', "Fluent Bit's HTTP server, to confirm delivery", 'off'),
  'ack-input': setting('Delivery', 'NAME', 'Alias of the input that runs this program', 'activity_log'),
};
const LOGGING: Options = {
  'log-level': {
    ...setting('Logging', 'LEVEL', `What to report on stderr: ${LOG_LEVELS.join(', ')}`, 'info'),
    values: LOG_LEVELS,
  },
  verbose: { group: 'Logging', short: 'v', describe: 'Same as --log-level debug', isOptionOnly: true },
  quiet: { group: 'Logging', short: 'q', describe: 'Same as --log-level warn', isOptionOnly: true },
};
const JSON_FLAG: Option = { group: 'Output', describe: 'Print JSON', isOptionOnly: true };

/** The options of a poll. */
export const POLL: Options = {
  ...API,
  since: setting('Source', 'T', 'Where to start when there is no cursor yet: a time, or a duration ago', '300s'),
  overlap: setting('Source', 'D', 'How far behind the cursor to look for late events', '5m'),
  ...STATE_FILE,
  sweep: setting('State', 'LIST', 'Ages at which to compare past hours with the API, or none', '1h,1d,7d'),
  'journal-days': setting('State', 'N', 'How long to keep the journal of what was delivered', '90'),
  peek: { group: 'State', describe: 'Print without lock, state or acknowledgement', isOptionOnly: true },
  ...ADD_FIELDS,
  'include-types': setting('Output', 'LIST', 'Print only events of these types', 'all'),
  'exclude-types': setting('Output', 'LIST', 'Leave out events of these types; they are counted', 'none'),
  'max-line-bytes': setting('Output', 'N', 'Longer lines go to oversize.jsonl beside the state', '1000000'),
  ...ACKNOWLEDGEMENT,
  ...LIMITS,
  deadline: setting('Limits', 'D', 'Stop after this long; the next run continues', '4m'),
  'metrics-file': setting('Logging', 'FILE', 'Prometheus textfile to write after each run'),
  ...LOGGING,
};

const RANGE: Options = {
  from: {
    group: 'Range',
    value: 'T',
    describe: 'Start of the range: a date, a time, or a duration ago',
    isOptionOnly: true,
  },
  to: { group: 'Range', value: 'T', describe: 'End of the range, exclusive', fallback: 'now', isOptionOnly: true },
};

const STDOUT = 'stdout carries events and nothing else.';
const TYPES =
  'With --include-types and --exclude-types, what is left out is counted and noted in the journal. `redeliver` prints it ' +
  'once the option is gone. An event without a type is left out by --include-types only.';

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
    options: {
      interval: { group: 'Limits', value: 'D', describe: 'Pause between polls', fallback: '2m', isOptionOnly: true },
      ...POLL,
    },
    examples: [
      ['$0 follow --peek --since 1h', 'Watch on a terminal until Ctrl-C; nothing is remembered'],
      ['$0 follow --provider cloudscale', 'Follow the log of a cloudscale.ch project'],
    ],
    notes: [STDOUT, TYPES],
  },
  {
    name: 'export',
    describe: 'Write all events of a time range, once; cursors are neither read nor moved',
    options: {
      from: {
        group: 'Range',
        value: 'T',
        describe: 'Start of the range: a date, a time, or a duration ago',
        isRequired: true,
        isOptionOnly: true,
      },
      to: { group: 'Range', value: 'T', describe: 'End of the range, exclusive', fallback: 'now', isOptionOnly: true },
      ...API,
      output: {
        group: 'Output',
        short: 'o',
        value: 'FILE',
        describe: 'Write to FILE; resumes if interrupted',
        fallback: 'stdout',
        isOptionOnly: true,
      },
      format: {
        group: 'Output',
        short: 'f',
        value: 'FORMAT',
        describe: FORMATS.join(' or '),
        fallback: 'csv for FILE.csv, else jsonl',
        values: FORMATS,
        isOptionOnly: true,
      },
      separator: {
        group: 'Output',
        value: 'NAME',
        describe: `Between the cells of csv: ${SEPARATOR_NAMES.join(', ')}`,
        fallback: SEPARATOR_NAMES[0],
        values: SEPARATOR_NAMES,
        isOptionOnly: true,
      },
      force: { group: 'Output', describe: 'Replace FILE if it exists', isOptionOnly: true },
      report: {
        group: 'Output',
        value: 'FILE',
        describe: 'Write a report as JSON: range, counts, first and last event, SHA-256',
        isOptionOnly: true,
      },
      ...ADD_FIELDS,
      ...LIMITS,
      deadline: {
        group: 'Limits',
        value: 'D',
        describe: 'Give up after this long',
        fallback: 'none',
        isOptionOnly: true,
      },
      ...LOGGING,
    },
    examples: [
      ['$0 export --from 7d -o week.jsonl', 'The last seven days of all contracts'],
      ['$0 export --from 2026-10-01 --to 2026-11-01 -o october.csv --report october.json', 'October, for an auditor'],
      ['$0 export --from 2d --to 1d -o day.csv --separator semicolon', 'One day, for a spreadsheet'],
    ],
    notes: [
      'An export has events of all types, whatever ACTIVITY_LOG_EXCLUDE_TYPES and ACTIVITY_LOG_INCLUDE_TYPES say.',
    ],
  },
  {
    name: 'verify',
    describe: 'Compare the journal with the API, and with a copy of what arrived',
    options: {
      ...RANGE,
      full: { group: 'Range', describe: 'Compare every id, not only the counts', isOptionOnly: true },
      arrived: {
        group: 'Range',
        value: 'FILE',
        describe: 'A copy of what arrived as JSON lines, also gzipped; - for stdin',
        isOptionOnly: true,
      },
      repair: { group: 'State', describe: 'Queue what is missing for the next runs', isOptionOnly: true },
      ...API,
      ...STATE_FILE,
      json: JSON_FLAG,
      ...LIMITS,
      ...LOGGING,
    },
    examples: [
      ['sudo $0 verify --from 7d', 'Is anything of the last week missing?'],
      ['sudo $0 verify --from 2d --to 1d --arrived copy.jsonl', 'Did it arrive at the destination?'],
    ],
    notes: ['Exits with 3 when something is missing, twice or altered, 1 when nothing could be compared.'],
  },
  {
    name: 'redeliver',
    describe: 'Queue a past time range for the next runs to deliver again',
    options: {
      ...RANGE,
      missing: { group: 'Range', describe: 'Only what the journal does not have', isOptionOnly: true },
      cancel: { group: 'Range', describe: 'Empty the queue', isOptionOnly: true },
      ...PROVIDER,
      contract: CONTRACT,
      ...STATE_FILE,
      ...LOGGING,
    },
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
    options: { ...PROVIDER, ...STATE_FILE, ...LOGGING },
    examples: [['sudo $0 forget ionos/31721060', 'Contract 31721060 was cancelled']],
    notes: ['`status` lists the sources. Its journal stays; what was queued of it is dropped.'],
  },
  {
    name: 'status',
    describe: 'Show how far each source is, from the state file alone',
    options: {
      ...PROVIDER,
      ...STATE_FILE,
      json: { ...JSON_FLAG, describe: 'Print JSON, one line per source' },
      'max-behind': {
        group: 'Limits',
        value: 'D',
        describe: 'Exit with 3 when a source is further behind',
        isOptionOnly: true,
      },
      ...ACKNOWLEDGEMENT,
      ...LOGGING,
    },
    examples: [
      ['sudo $0 status', "All inputs of this machine's Fluent Bit"],
      ['$0 status --max-behind 15m >/dev/null || alert', 'For monitoring'],
    ],
    notes: [
      'Exits with 0 when all is well; with 3 when a source failed last, is behind, or has lines that Fluent Bit ' +
        'refused or has not counted; with 1 when there is no state.',
    ],
  },
  {
    name: 'check',
    describe: "Find what would cost events: token, API, clock, state, Fluent Bit's configuration",
    options: {
      config: {
        group: 'Fluent Bit',
        value: 'FILE',
        describe: 'Its main file, classic or YAML',
        fallback: "the service's",
        isOptionOnly: true,
      },
      send: {
        group: 'Fluent Bit',
        describe: 'Also send one marked test record to each destination',
        isOptionOnly: true,
      },
      ...API,
      ...STATE_FILE,
      json: JSON_FLAG,
      ...ACKNOWLEDGEMENT,
      ...LOGGING,
      quiet: { group: 'Logging', short: 'q', describe: 'Leave out what is in order', isOptionOnly: true },
    },
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

/** Options that every command takes. */
export const GENERAL: Readonly<Record<'help' | 'version', { readonly short: string; readonly describe: string }>> = {
  help: { short: 'h', describe: 'Show this help' },
  version: { short: 'V', describe: 'Show the version' },
};
