/** The options, in the sets that commands share. */

import { FIELD_NAMES } from '../delivery/add-fields.ts';
import { LOG_LEVELS } from '../lib/log.ts';
import { PROVIDERS } from '../providers/index.ts';
import { FORMATS, SEPARATOR_NAMES } from './export-request.ts';

/** The groups of options, in the order in which they are shown everywhere. */
export const GROUPS = ['Range', 'Source', 'State', 'Output', 'Delivery', 'Limits', 'Logging', 'Fluent Bit'] as const;
type Group = (typeof GROUPS)[number];

/** An option. One without a value is a switch. */
export interface Option {
  readonly group: Group;
  readonly describe: string;
  /** The placeholder of its value, such as FILE, for which completion offers file names. */
  readonly value?: string;
  /** The default. */
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

export type OptionTable = Readonly<Record<string, Option>>;

/** What an option does, and what it is when it is not given. */
export function meaningOf({ describe, fallback, isRequired }: Omit<Option, 'group'>): string {
  return `${describe}${isRequired === true ? ' (required)' : fallback === undefined ? '' : ` (default: ${fallback})`}`;
}

/** An option that can also be set by its environment variable. */
function setting(group: Group, value: string, describe: string, fallback?: string): Option {
  return { group, value, describe, ...(fallback === undefined ? {} : { fallback }) };
}

/** An option that can be set only where the command is called. */
function optionOnly(group: Group, value: string, describe: string, fallback?: string): Option {
  return { ...setting(group, value, describe, fallback), isOptionOnly: true };
}

function flag(group: Group, describe: string): Option {
  return { group, describe, isOptionOnly: true };
}

const PROVIDER: OptionTable = {
  provider: {
    ...setting('Source', 'NAME', 'Whose audit log: ionos or cloudscale', 'ionos'),
    values: Object.keys(PROVIDERS),
  },
};
const CONTRACT: OptionTable = {
  contract: {
    ...setting('Source', 'N', 'Only this contract; can be repeated', 'all that the token sees'),
    isRepeatable: true,
  },
};
const API: OptionTable = {
  ...PROVIDER,
  'api-url': setting('Source', 'URL', 'Address of the API', "the vendor's"),
  'token-file': setting('Source', 'FILE', 'File with the API token; a token is never an option'),
  ...CONTRACT,
};
const STATE_FILE: OptionTable = {
  'state-file': setting('State', 'FILE', 'Where the cursors are kept', '/var/lib/fluent-bit/activity_log_state.json'),
};
const ADD_FIELDS: OptionTable = {
  'add-fields': {
    ...setting('Output', 'LIST', `Fields to add in front of each event: ${FIELD_NAMES.join(', ')}`, 'none'),
    values: FIELD_NAMES,
    isList: true,
  },
};
const LIMITS: OptionTable = {
  'page-size': setting('Limits', 'N', 'Events per request', '1000'),
  concurrency: setting('Limits', 'N', 'Sources to poll at once', '4'),
  'request-timeout': setting('Limits', 'D', 'Timeout per request', '30s'),
};
const ACKNOWLEDGEMENT: OptionTable = {
  'ack-url': setting('Delivery', 'URL', "Fluent Bit's HTTP server, to confirm delivery", 'off'),
  'ack-input': setting('Delivery', 'NAME', 'Alias of the input that runs this program', 'activity_log'),
};
const LOGGING: OptionTable = {
  'log-level': {
    ...setting('Logging', 'LEVEL', `What to report on stderr: ${LOG_LEVELS.join(', ')}`, 'info'),
    values: LOG_LEVELS,
  },
  verbose: { ...flag('Logging', 'Same as --log-level debug'), short: 'v' },
  quiet: { ...flag('Logging', 'Same as --log-level warn'), short: 'q' },
};
const JSON_FLAG: OptionTable = { json: flag('Output', 'Print JSON') };

export const POLL: OptionTable = {
  ...API,
  since: setting('Source', 'T', 'Where to start when there is no cursor yet: a time, or a duration ago', '300s'),
  overlap: setting('Source', 'D', 'How far behind the cursor to look for late events', '5m'),
  ...STATE_FILE,
  sweep: setting('State', 'LIST', 'Ages at which to compare past hours with the API, or none', '1h,1d,7d'),
  'journal-days': setting('State', 'N', 'How long to keep the journal of what was delivered', '90'),
  peek: flag('State', 'Print without lock, state or acknowledgement'),
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
export const FOLLOW: OptionTable = { interval: optionOnly('Limits', 'D', 'Pause between polls', '2m'), ...POLL };

const FROM = optionOnly('Range', 'T', 'Start of the range: a date, a time, or a duration ago');
const TO = optionOnly('Range', 'T', 'End of the range, exclusive', 'now');
const RANGE: OptionTable = { from: FROM, to: TO };

export const EXPORT: OptionTable = {
  from: { ...FROM, isRequired: true },
  to: TO,
  ...API,
  output: { ...optionOnly('Output', 'FILE', 'Write to FILE; resumes if interrupted', 'stdout'), short: 'o' },
  format: {
    ...optionOnly('Output', 'FORMAT', FORMATS.join(' or '), 'csv for FILE.csv, else jsonl'),
    short: 'f',
    values: FORMATS,
  },
  separator: {
    ...optionOnly('Output', 'NAME', `Between the cells of csv: ${SEPARATOR_NAMES.join(', ')}`, SEPARATOR_NAMES[0]),
    values: SEPARATOR_NAMES,
  },
  force: flag('Output', 'Replace FILE if it exists'),
  report: optionOnly('Output', 'FILE', 'Write a report as JSON: range, counts, first and last event, SHA-256'),
  ...ADD_FIELDS,
  ...LIMITS,
  deadline: optionOnly('Limits', 'D', 'Give up after this long', 'none'),
  ...LOGGING,
};
export const VERIFY: OptionTable = {
  ...RANGE,
  full: flag('Range', 'Compare every id, not only the counts'),
  arrived: optionOnly('Range', 'FILE', 'A copy of what arrived as JSON lines, also gzipped; - for stdin'),
  repair: flag('State', 'Queue what is missing for the next runs'),
  ...API,
  ...STATE_FILE,
  ...JSON_FLAG,
  ...LIMITS,
  ...LOGGING,
};
export const REDELIVER: OptionTable = {
  ...RANGE,
  missing: flag('Range', 'Only what the journal does not have'),
  cancel: flag('Range', 'Empty the queue; with --contract, of these contracts only'),
  ...PROVIDER,
  ...CONTRACT,
  ...STATE_FILE,
  ...LOGGING,
};
export const FORGET: OptionTable = { ...PROVIDER, ...STATE_FILE, ...LOGGING };
export const STATUS: OptionTable = {
  ...PROVIDER,
  ...STATE_FILE,
  json: flag('Output', 'Print JSON, one line per source'),
  'max-behind': optionOnly('Limits', 'D', 'Exit with 3 when a source is further behind'),
  ...ACKNOWLEDGEMENT,
  ...LOGGING,
};
export const CHECK: OptionTable = {
  config: optionOnly('Fluent Bit', 'FILE', 'Its main file, classic or YAML', "the service's"),
  send: flag('Fluent Bit', 'Also send one marked test record to each destination'),
  ...API,
  ...STATE_FILE,
  ...JSON_FLAG,
  ...ACKNOWLEDGEMENT,
  ...LOGGING,
  quiet: { ...flag('Logging', 'Leave out what is in order'), short: 'q' },
};
