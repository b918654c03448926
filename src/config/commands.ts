import type { Options as YargsOption } from 'yargs';
import { FIELD_NAMES } from '../delivery/add-fields.ts';
import { FORMATS } from './export-request.ts';
import { LOG_LEVELS } from '../lib/log.ts';
import { PROVIDERS } from '../providers/index.ts';

type Table = Readonly<Record<string, YargsOption>>;

/** A command as `--help` shows it: its options in their order, by groups. */
export interface Command {
  readonly name: string;
  readonly describe: string;
  readonly options: Table;
  readonly examples: readonly (readonly [call: string, meaning: string])[];
  readonly epilogue?: string;
}

/** An option with a value. Its default is only described: when it is not given, the environment comes first. */
function option(group: string, describe: string, defaultDescription?: string): YargsOption {
  return {
    string: true,
    requiresArg: true,
    group: `${group}:`,
    describe,
    ...(defaultDescription === undefined ? {} : { defaultDescription }),
  };
}

const FLAG = { boolean: true } as const;

const PROVIDER = {
  provider: option('Where from', `Whose audit log: ${Object.keys(PROVIDERS).join(' or ')}`, 'ionos'),
};
const API: Table = {
  ...PROVIDER,
  'api-url': option('Where from', "The API's address", "the vendor's"),
  'token-file': option('Where from', 'The file that holds the API token; secrets are never options'),
  contract: option('Where from', 'Only this contract; may be given several times', 'all that the token sees'),
};
const STATE_FILE = {
  'state-file': option('State', 'Where the cursors are kept', '/var/lib/fluent-bit/activity_log_state.json'),
};
const ADD_FIELDS = {
  'add-fields': option('Output', `Fields to put in front of each event: ${FIELD_NAMES.join(',')}`, 'none'),
};
const LIMITS: Table = {
  'page-size': option('Limits', 'Events to ask for at once', '1000'),
  concurrency: option('Limits', 'Sources to poll at once', '4'),
  'request-timeout': option('Limits', 'For one whole answer', '30s'),
};
const LOG_LEVEL = { 'log-level': option('Messages', `What to say on stderr: ${LOG_LEVELS.join(', ')}`, 'info') };
const JSON_FLAG = { json: { ...FLAG, group: 'Output:', describe: 'One JSON document, for programs' } };

/** The options of a poll. */
export const POLL: Table = {
  ...API,
  since: option('Where from', 'How far back, or from which instant on, when there is no cursor yet', '300s'),
  overlap: option('Where from', 'How far behind the cursor late events are looked for', '5m'),
  ...STATE_FILE,
  peek: { ...FLAG, group: 'State:', describe: 'Print without lock, state or acknowledgement' },
  ...ADD_FIELDS,
  'max-line-bytes': option('Output', 'A longer line goes to oversize.jsonl beside the state', '1000000'),
  'ack-url': option('Output', "Fluent Bit's HTTP server, to see that it took the lines", 'printed is delivered'),
  'ack-input': option('Output', 'The Alias of the input that runs this', 'activity_log'),
  ...LIMITS,
  deadline: option('Limits', 'When a run ends and leaves the rest to the next', '4m'),
  'metrics-file': option('Messages', 'A Prometheus textfile to write after each run'),
  ...LOG_LEVEL,
};

const DURATIONS = 'Durations: 90s, 5m, 24h, 7d, or plain seconds. Instants: 2026-01-31T12:00:00Z.';
const TOKEN =
  'The token comes from --token-file, from systemd (LoadCredential=activity-log-token:…), from IONOS_API_TOKEN, ' +
  'IONOS_TOKEN, IONOS_USERNAME with IONOS_PASSWORD, or CLOUDSCALE_API_TOKEN.';
const ENVIRONMENT =
  'Instead of an option, its environment variable can be set, such as ACTIVITY_LOG_STATE_FILE for --state-file ' +
  '(IONOS_API_URL or CLOUDSCALE_API_URL for --api-url; --peek and --interval have none).';

export const COMMANDS: readonly Command[] = [
  {
    name: 'collect',
    describe: 'Poll once, print what is new, remember how far that was (the default)',
    options: POLL,
    examples: [
      ['$0 --peek --since 1h | head -n 3', 'A look at some events; nothing is remembered'],
      ['$0 --state-file state.json', 'One poll; the next one goes on from there'],
    ],
    epilogue: `${DURATIONS} ${ENVIRONMENT} ${TOKEN} stdout carries events and nothing else.`,
  },
  {
    name: 'follow',
    describe: 'Poll until stopped',
    options: { interval: option('Limits', 'How long to wait between two polls', '2m'), ...POLL },
    examples: [
      ['$0 follow --peek --since 1h', 'On a terminal, until Ctrl-C; nothing is remembered'],
      ['$0 follow --provider cloudscale', "A cloudscale.ch project's log"],
    ],
    epilogue: `${DURATIONS} ${ENVIRONMENT} ${TOKEN} stdout carries events and nothing else.`,
  },
  {
    name: 'export',
    describe: 'Write all events of a time range, once; no cursor is read or moved',
    options: {
      from: option('Range', 'The first instant, or how far back'),
      to: option('Range', 'The instant behind the last, or how far back that is', 'now'),
      output: option('Output', 'The file to write; when it was stopped, the same command goes on with it', 'stdout'),
      format: option('Output', FORMATS.join(' or '), FORMATS[0]),
      ...ADD_FIELDS,
      ...API,
      ...LIMITS,
      deadline: option('Limits', 'When it ends, complete or not', 'none'),
      ...LOG_LEVEL,
    },
    examples: [
      ['$0 export --from 7d --output week.jsonl', 'The last seven days, all contracts'],
      ['$0 export --from 2d --to 1d --format csv', 'One day of them, for a spreadsheet'],
    ],
    epilogue: `${DURATIONS} ${TOKEN}`,
  },
  {
    name: 'status',
    describe: 'Show how far each source is, from the state file alone',
    options: { ...JSON_FLAG, ...PROVIDER, ...STATE_FILE, ...LOG_LEVEL },
    examples: [['sudo $0 status', 'Of the Fluent Bit on this machine']],
  },
  {
    name: 'check',
    describe: 'Find what would cost events: token, API, clock, state, and all of the Fluent Bit configuration',
    options: {
      config: option('Fluent Bit', 'Its main file, classic or YAML', 'what its service names'),
      ...JSON_FLAG,
      ...API,
      ...STATE_FILE,
      ...LOG_LEVEL,
    },
    examples: [
      ['sudo $0 check', 'Of the Fluent Bit on this machine'],
      ['$0 check --config fluent-bit.yaml', 'Another file than the one of its service'],
    ],
    epilogue:
      'Options take the place of what the command in the Fluent Bit configuration says. Ends with 1 when something ' +
      'would cost events. Changes nothing.',
  },
];
