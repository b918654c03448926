import { entryOf, type Section } from '../fluent-bit-config/model.ts';
import { leadingInteger } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import { checkHttp } from './http-outputs.ts';
import type { EventInput } from '../facts/input.ts';
import { isDestination, nameOf, pluginOf, routesOf } from '../facts/routes.ts';
import { checkKeys } from './key-rules.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';

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
        ...ok('output', `${nameOf(output)} receives the events of ${input.name}, and retries without limit`, {
          at: output.at,
        }),
      );
    }
  }
  // Since 3.1.0, Fluent Bit drops at once what a destination refuses with a permanent error.
  if (outputs.some(isDestination)) {
    findings.push(...checkKeys(['storage.keep.rejected'], serviceOf(input.fluentBit), input.fluentBit));
  }
  const at = entryOf(section, 'tag')?.at ?? section.at;
  // An empty tag is a finding already.
  if (outputs.length === 0 && tag !== '') {
    findings.push(
      ...error('match', `no output has a Match for the tag ${tag}`, {
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
  return error('destination', `the events of ${name} only reach ${outputs.map(pluginOf).join(' and ')}`, {
    at: first.at,
    impact: 'they are stored nowhere',
    fix: '@INCLUDE outputs/ionos.conf',
  });
}

function copies(output: Section): Finding[] {
  if (pluginOf(output) !== 'stdout') return [];
  const match = entryOf(output, 'match');
  return warning('stdout', `output stdout matches the events${match === undefined ? '' : ` (Match ${match.value})`}`, {
    at: match?.at ?? output.at,
    impact: 'every audit event is copied to the journal, where others may read it',
    fix: 'delete this [OUTPUT] section',
  });
}

function destination(output: Section, input: EventInput): Finding[] {
  return [
    ...checkKeys(['Retry_Limit', 'storage.total_limit_size'], output, input.fluentBit),
    ...checkHttp(output, input),
    ...ofPlugin(output, input),
  ];
}

function ofPlugin(output: Section, { config, fluentBit }: EventInput): Finding[] {
  const lineBytes = config?.maxLineBytes ?? 0;
  switch (pluginOf(output)) {
    case 'forward':
      return checkKeys(['Require_ack_response'], output, fluentBit);
    case 'kafka':
      return kafka(output, lineBytes, fluentBit);
    case 'loki': {
      if (lineBytes <= LOKI_LINE_BYTES) return [];
      return warning(
        'loki-line',
        `lines may be ${lineBytes} bytes long, and Loki rejects those above ${LOKI_LINE_BYTES}`,
        {
          at: output.at,
          impact: 'Fluent Bit drops what is rejected',
          fix: 'ACTIVITY_LOG_MAX_LINE_BYTES=250000',
        },
      );
    }
    default:
      return [];
  }
}

function kafka(output: Section, lineBytes: number, fluentBit: EventInput['fluentBit']): Finding[] {
  const findings = checkKeys(['rdkafka.message.timeout.ms'], output, fluentBit);
  const size = entryOf(output, 'rdkafka.message.max.bytes');
  if (leadingInteger(size?.value ?? '1000000') < lineBytes * GROWTH) {
    findings.push(
      ...warning('kafka-size', `lines may be ${lineBytes} bytes long, and up to three times that once encoded`, {
        at: size?.at ?? output.at,
        impact: 'messages above rdkafka.message.max.bytes are rejected and lost',
        fix: lineIn(fluentBit, 'rdkafka.message.max.bytes', String(Math.ceil(lineBytes / 1e6) * (GROWTH + 1) * 1e6)),
      }),
    );
  }
  return findings;
}

function filters({ fluentBit, tag, name }: EventInput): Finding[] {
  return routesOf(fluentBit, tag, 'filter').flatMap((filter) =>
    warning('filter', `filter ${pluginOf(filter)} sees the events of ${name}`, {
      at: filter.at,
      impact: 'what it drops or changes still counts as delivered',
      fix: 'give it a Match that does not cover this tag',
    }),
  );
}
