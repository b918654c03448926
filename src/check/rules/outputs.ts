import { entriesOf, type Section } from '../fluent-bit-config/model.ts';
import { leadingInteger, sizeInBytes } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import { checkHttp } from './http-outputs.ts';
import type { EventInput } from '../facts/input.ts';
import { isDestination, nameOf, pluginOf, routesOf } from '../facts/routes.ts';
import { checkSwitches } from './switches.ts';
import { sectionsOf, serviceAt } from '../fluent-bit-config/read.ts';

const UNLIMITED = new Set(['no_limits', 'false', 'off']);
/** Anything but a number above 0 counts as 1 (flb_output.c; measured). */
const DEFAULT_RETRIES = 1;
/** An outage of minutes needs less. */
const MIN_TOTAL_LIMIT = 50_000_000;
const LOKI_LINE_BYTES = 256 * 1024;
/** How much longer a line can become when Fluent Bit encodes it, because of escapes. */
const GROWTH = 3;

/** Whether events reach a destination, and are kept while it is down. */
export function checkOutputs(input: EventInput): Finding[] {
  const { outputs, tag, section } = input;
  const findings = [...destinations(input), ...filters(input)];
  const sound: Finding[] = [];
  for (const output of outputs) {
    const own = isDestination(output) ? destination(output, input) : copies(output);
    findings.push(...own);
    if (own.length === 0) {
      sound.push(
        ok('output', `${nameOf(output)} receives the events of ${input.name}, and retries without limit`, {
          at: output.at,
        }),
      );
    }
  }
  if (outputs.some(isDestination)) findings.push(...rejected(input));
  const at = entriesOf(section, 'tag').at(-1)?.at ?? section.at;
  // An empty tag is a finding already.
  if (outputs.length === 0 && tag !== '') {
    findings.push(
      error('match', `no output has a Match for the tag ${tag}`, {
        at,
        impact: 'Fluent Bit accepts the events and sends them nowhere',
        fix: lineIn(input.fluentBit, 'Match', tag),
      }),
    );
  }
  return [...sound, ...findings];
}

function destinations({ outputs, name }: EventInput): Finding[] {
  const [first] = outputs;
  if (first === undefined || outputs.some(isDestination)) return [];
  return [
    error('destination', `the events of ${name} only reach ${outputs.map(pluginOf).join(' and ')}`, {
      at: first.at,
      impact: 'they are stored nowhere',
      fix: '@INCLUDE outputs/ionos.conf',
    }),
  ];
}

function copies(output: Section): Finding[] {
  if (pluginOf(output) !== 'stdout') return [];
  const match = entriesOf(output, 'match').at(-1);
  return [
    warning('stdout', `output stdout matches the events${match === undefined ? '' : ` (Match ${match.value})`}`, {
      at: match?.at ?? output.at,
      impact: 'every audit event is copied to the journal, where others may read it',
      fix: 'delete this [OUTPUT] section',
    }),
  ];
}

function destination(output: Section, input: EventInput): Finding[] {
  return [
    ...retries(output, input),
    ...totalLimit(output, input),
    ...checkHttp(output, input),
    ...ofPlugin(output, input),
  ];
}

function retries(output: Section, { fluentBit }: EventInput): Finding[] {
  const entry = entriesOf(output, 'retry_limit').at(-1);
  if (entry !== undefined && UNLIMITED.has(entry.value.toLowerCase())) return [];
  const number = leadingInteger(entry?.value ?? '');
  const limit = entry?.value.toLowerCase() === 'no_retries' ? 0 : number > 0 ? number : DEFAULT_RETRIES;
  return [
    error('retry-limit', entry === undefined ? `${nameOf(output)} has no Retry_Limit` : `Retry_Limit ${entry.value}`, {
      at: entry?.at ?? output.at,
      impact: `what cannot be sent after ${limit === 1 ? 'one retry' : `${limit} retries`} is dropped, and an outage loses events`,
      fix: lineIn(fluentBit, 'Retry_Limit', 'no_limits'),
    }),
  ];
}

function totalLimit(output: Section, { fluentBit }: EventInput): Finding[] {
  const entry = entriesOf(output, 'storage.total_limit_size').at(-1);
  const fix = lineIn(fluentBit, 'storage.total_limit_size', '1G');
  if (entry === undefined) {
    return [
      warning('total-limit', `${nameOf(output)} has no storage.total_limit_size`, {
        at: output.at,
        impact: 'a long outage fills the disk, and then nothing can be stored',
        fix,
      }),
    ];
  }
  const size = sizeInBytes(entry.value);
  if (size !== undefined && size >= MIN_TOTAL_LIMIT) return [];
  return [
    warning('total-limit', `storage.total_limit_size ${entry.value}`, {
      at: entry.at,
      impact: 'when this much is waiting, the oldest events are dropped',
      fix,
    }),
  ];
}

/** Since 3.1.0, Fluent Bit drops at once what a destination refuses with a permanent error. */
function rejected({ fluentBit }: EventInput): Finding[] {
  const entries = sectionsOf(fluentBit, 'service').flatMap((section) => section.entries);
  return checkSwitches(['storage.keep.rejected'], { entries, at: serviceAt(fluentBit) }, fluentBit);
}

function ofPlugin(output: Section, { config, fluentBit }: EventInput): Finding[] {
  const lineBytes = config?.maxLineBytes ?? 0;
  switch (pluginOf(output)) {
    case 'forward':
      return checkSwitches(['Require_ack_response'], output, fluentBit);
    case 'kafka':
      return kafka(output, lineBytes, fluentBit);
    case 'loki': {
      if (lineBytes <= LOKI_LINE_BYTES) return [];
      return [
        warning('loki-line', `lines may be ${lineBytes} bytes long, and Loki rejects those above ${LOKI_LINE_BYTES}`, {
          at: output.at,
          impact: 'Fluent Bit drops what is rejected',
          fix: 'ACTIVITY_LOG_MAX_LINE_BYTES=250000',
        }),
      ];
    }
    default:
      return [];
  }
}

function kafka(output: Section, lineBytes: number, fluentBit: EventInput['fluentBit']): Finding[] {
  const findings: Finding[] = [];
  const timeout = entriesOf(output, 'rdkafka.message.timeout.ms').at(-1);
  if (timeout?.value !== '0') {
    findings.push(
      error('kafka-timeout', `${nameOf(output)} gives up on messages`, {
        at: timeout?.at ?? output.at,
        impact: 'what the brokers do not accept in time (5 minutes by default) is dropped',
        fix: lineIn(fluentBit, 'rdkafka.message.timeout.ms', '0'),
      }),
    );
  }
  const size = entriesOf(output, 'rdkafka.message.max.bytes').at(-1);
  if (leadingInteger(size?.value ?? '1000000') < lineBytes * GROWTH) {
    findings.push(
      warning('kafka-size', `lines may be ${lineBytes} bytes long, and up to three times that once encoded`, {
        at: size?.at ?? output.at,
        impact: 'messages above rdkafka.message.max.bytes are rejected and lost',
        fix: lineIn(fluentBit, 'rdkafka.message.max.bytes', String(Math.ceil(lineBytes / 1e6) * (GROWTH + 1) * 1e6)),
      }),
    );
  }
  return findings;
}

function filters({ fluentBit, tag, name }: EventInput): Finding[] {
  return routesOf(fluentBit, tag, 'filter').map((filter) =>
    warning('filter', `filter ${pluginOf(filter)} sees the events of ${name}`, {
      at: filter.at,
      impact: 'what it drops or changes still counts as delivered',
      fix: 'give it a Match that does not cover this tag',
    }),
  );
}
