import { isLoggingServiceHost, isLoggingServiceTag } from '../../config/logging-service.ts';
import { isLoopback } from '../../lib/hosts.ts';
import { entryOf, valueOf, type Section } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, warning, type Finding, lineIn } from '../finding.ts';
import type { EventInput } from '../facts/input.ts';
import { checkKeys } from './key-rules.ts';
import { KEY_HEADER, headerName, headerOf, isLoggingService, nameOf, pluginOf } from '../facts/routes.ts';

/** Plugins whose Host, Port and tls mean the same as those of `http`. */
const HTTP_PLUGINS = new Set(['http', 'loki', 'splunk', 'es', 'opensearch', 'influxdb', 'gelf', 'opentelemetry']);
const DEFAULT_HTTP_PORT = '80';
const NOWHERE = 'events never arrive';

/** Whether an output can reach its destination, and shows its key to no one else. */
export function checkHttp(output: Section, input: EventInput): Finding[] {
  const plugin = pluginOf(output);
  if (!HTTP_PLUGINS.has(plugin) && plugin !== 'forward') return [];
  return [
    ...host(output, input),
    ...(plugin === 'http' ? port(output, input) : []),
    ...tls(output, input),
    ...(isLoggingService(output) ? loggingService(output, input) : []),
  ];
}

function host(output: Section, { fluentBit }: EventInput): Finding[] {
  const entry = entryOf(output, 'host');
  if (entry === undefined) return checkKeys(['Host'], output, fluentBit);
  const bare = entry.value.replace(/^[a-z]+:\/\//i, '').replace(/[/:\s].*$/, '');
  if (bare === entry.value || entry.value.includes('<')) return [];
  return error('output-host', `Host ${entry.value} is not just a host name`, {
    at: entry.at,
    impact: `no such host exists, and ${NOWHERE}`,
    fix: entry.raw.includes('${') ? `ACTIVITY_LOG_HOST=${bare}` : lineIn(fluentBit, 'Host', bare),
  });
}

function port(output: Section, { fluentBit }: EventInput): Finding[] {
  const entry = entryOf(output, 'port');
  const number = entry?.value ?? DEFAULT_HTTP_PORT;
  const isTls = truth(valueOf(output, 'tls')) === true;
  const at = entry?.at ?? output.at;
  if (number === '443' && !isTls) {
    const fix = lineIn(fluentBit, 'tls', 'On');
    const where = entryOf(output, 'tls')?.at ?? output.at;
    return error('output-tls', 'Port 443 without tls', {
      at: where,
      impact: `the server refuses plain HTTP, and ${NOWHERE}`,
      fix,
    });
  }
  if (number !== '80' || !isTls) return [];
  const fix = lineIn(fluentBit, 'Port', '443');
  return error('output-port', 'tls on port 80', { at, impact: `servers do not speak TLS there, and ${NOWHERE}`, fix });
}

function tls(output: Section, { fluentBit }: EventInput): Finding[] {
  if (truth(valueOf(output, 'tls')) === true) {
    const unverified = checkKeys(['tls.verify'], output, fluentBit);
    return unverified.length > 0 ? unverified : checkKeys(['tls.verify_hostname'], output, fluentBit);
  }
  const host = valueOf(output, 'host') ?? '';
  const isNeeded = !isLoopback(host) && host !== '' && valueOf(output, 'port') !== '443';
  return isNeeded ? checkKeys(['tls'], output, fluentBit) : [];
}

/** Whether a pipeline can have this tag. */
function pipelineTag({ fluentBit, tag, section }: EventInput): Finding[] {
  if (tag === '' || isLoggingServiceTag(tag) || tag.includes('<')) return [];
  const entry = entryOf(section, 'tag');
  return error('output-tag', `a tag of the Logging Service is 3 to 20 letters and digits, not ${tag}`, {
    at: entry?.at ?? section.at,
    impact: 'no pipeline has such a tag, and the Logging Service refuses the events',
    fix: entry?.raw.includes('${') === true ? 'ACTIVITY_LOG_TAG=activityLog' : lineIn(fluentBit, 'Tag', 'activityLog'),
  });
}

/** Whether a pipeline can have this host. */
function pipelineHost(output: Section, { fluentBit }: EventInput): Finding[] {
  const host = entryOf(output, 'host');
  const isOdd = host?.value === '' || /[/:<\s]|-OF-YOUR-/.test(host?.value ?? '');
  if (host === undefined || isOdd || isLoggingServiceHost(host.value)) return [];
  return warning('output-host-unusual', `${host.value} does not look like a host of the Logging Service`, {
    at: host.at,
    impact: 'hosts of pipelines end in .logging.REGION.ionos.com; the events go to this host instead',
    fix: host.raw.includes('${')
      ? `ACTIVITY_LOG_HOST=…, the ${pluginOf(output) === 'http' ? 'HTTP' : 'TCP'} address of the pipeline`
      : lineIn(fluentBit, 'Host', '…'),
  });
}

function loggingService(output: Section, input: EventInput): Finding[] {
  const isHttp = pluginOf(output) === 'http';
  const key = isHttp ? overHttp(output, input) : checkKeys(['Shared_Key'], output, input.fluentBit);
  return [...pipelineTag(input), ...pipelineHost(output, input), ...key];
}

/** What the Logging Service needs by HTTP: JSON, at the path of the pipeline's tag, with the pipeline's key. */
function overHttp(output: Section, input: EventInput): Finding[] {
  return [...key(output, input), ...checkKeys(['Format'], output, input.fluentBit), ...uri(output, input)];
}

function key(output: Section, { fluentBit }: EventInput): Finding[] {
  const header = headerOf(output, KEY_HEADER);
  if (header !== undefined && header.raw !== headerName(header.raw)) return [];
  const refused = 'the Logging Service refuses the events';
  const [message, impact] =
    header === undefined
      ? [`${nameOf(output)} sends no ${KEY_HEADER}`, refused]
      : [`Header ${header.raw} has no value`, `${refused}: Fluent Bit sends the name as the value`];
  const fix = lineIn(fluentBit, 'Header', `${KEY_HEADER} \${ACTIVITY_LOG_API_KEY}`);
  return error('output-key', message, { at: header?.at ?? output.at, impact, fix });
}

function uri(output: Section, { fluentBit, tag }: EventInput): Finding[] {
  const entry = entryOf(output, 'uri');
  const path = entry?.value ?? '/';
  if (tag === '' || path === `/${tag}` || path.includes('<')) return [];
  const details = { at: entry?.at ?? output.at, fix: lineIn(fluentBit, 'URI', `/${tag}`) };
  if (path === '/') {
    const impact = 'the Logging Service finds its pipeline by the path';
    return error('output-uri', 'the URI does not name a tag', { ...details, impact });
  }
  const impact = "correct only if this is the pipeline's tag, by which events are found in Grafana";
  return warning('output-uri', `URI ${path} is not the tag ${tag}`, { ...details, impact });
}
