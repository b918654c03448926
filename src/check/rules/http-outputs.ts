import { isLoggingServiceHost, isLoggingServiceTag } from '../../config/logging-service.ts';
import { isLoopback } from '../../lib/hosts.ts';
import { entriesOf, valueOf, type Section } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, warning, type Finding, lineIn } from '../finding.ts';
import type { EventInput } from '../facts/input.ts';
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
  const entry = entriesOf(output, 'host').at(-1);
  if (entry === undefined) {
    return [
      error('output-host', `${nameOf(output)} has no Host`, {
        at: output.at,
        impact: `it sends to this machine, and ${NOWHERE}`,
        fix: lineIn(fluentBit, 'Host', '${ACTIVITY_LOG_HOST}'),
      }),
    ];
  }
  const bare = entry.value.replace(/^[a-z]+:\/\//i, '').replace(/[/:\s].*$/, '');
  if (bare === entry.value || entry.value.includes('<')) return [];
  return [
    error('output-host', `Host ${entry.value} is not just a host name`, {
      at: entry.at,
      impact: `no such host exists, and ${NOWHERE}`,
      fix: entry.raw.includes('${') ? `ACTIVITY_LOG_HOST=${bare}` : lineIn(fluentBit, 'Host', bare),
    }),
  ];
}

function port(output: Section, { fluentBit }: EventInput): Finding[] {
  const entry = entriesOf(output, 'port').at(-1);
  const number = entry?.value ?? DEFAULT_HTTP_PORT;
  const isTls = truth(valueOf(output, 'tls')) === true;
  const at = entry?.at ?? output.at;
  if (number === '443' && !isTls) {
    const fix = lineIn(fluentBit, 'tls', 'On');
    const where = entriesOf(output, 'tls').at(-1)?.at ?? output.at;
    return [
      error('output-tls', 'Port 443 without tls', {
        at: where,
        impact: `the server refuses plain HTTP, and ${NOWHERE}`,
        fix,
      }),
    ];
  }
  if (number !== '80' || !isTls) return [];
  const fix = lineIn(fluentBit, 'Port', '443');
  return [
    error('output-port', 'tls on port 80', { at, impact: `servers do not speak TLS there, and ${NOWHERE}`, fix }),
  ];
}

function tls(output: Section, { fluentBit }: EventInput): Finding[] {
  const own = entriesOf(output, 'tls').at(-1);
  const host = valueOf(output, 'host') ?? '';
  if (truth(own?.value) !== true) {
    if (isLoopback(host) || host === '' || valueOf(output, 'port') === '443') return [];
    return [
      warning('output-tls', `${nameOf(output)} sends without TLS`, {
        at: own?.at ?? output.at,
        impact: 'events and key can be read in transit',
        fix: lineIn(fluentBit, 'tls', 'On'),
      }),
    ];
  }
  const verify = entriesOf(output, 'tls.verify').at(-1);
  if (verify !== undefined && truth(verify.value) === false) {
    return [
      warning('output-verify', 'tls.verify is off', {
        at: verify.at,
        impact: 'any server that answers receives events and key',
        fix: lineIn(fluentBit, 'tls.verify', 'On'),
      }),
    ];
  }
  const name = entriesOf(output, 'tls.verify_hostname').at(-1);
  if (truth(name?.value) === true) return [];
  return [
    warning('output-verify', `${nameOf(output)} does not verify the host name in the certificate`, {
      at: name?.at ?? output.at,
      impact: 'a server with any valid certificate, for any host, receives events and key',
      fix: lineIn(fluentBit, 'tls.verify_hostname', 'On'),
    }),
  ];
}

function pipeline(output: Section, { fluentBit, tag, section }: EventInput): Finding[] {
  const findings: Finding[] = [];
  if (tag !== '' && !isLoggingServiceTag(tag) && !tag.includes('<')) {
    const entry = entriesOf(section, 'tag').at(-1);
    findings.push(
      error('output-tag', `a tag of the Logging Service is 3 to 20 letters and digits, not ${tag}`, {
        at: entry?.at ?? section.at,
        impact: 'no pipeline has such a tag, and the Logging Service refuses the events',
        fix:
          entry?.raw.includes('${') === true ? 'ACTIVITY_LOG_TAG=activityLog' : lineIn(fluentBit, 'Tag', 'activityLog'),
      }),
    );
  }
  const host = entriesOf(output, 'host').at(-1);
  if (
    host === undefined ||
    host.value === '' ||
    isLoggingServiceHost(host.value) ||
    /[/:<\s]|-OF-YOUR-/.test(host.value)
  )
    return findings;
  findings.push(
    warning('output-host-unusual', `${host.value} does not look like a host of the Logging Service`, {
      at: host.at,
      impact: 'hosts of pipelines end in .logging.REGION.ionos.com; the events go to this host instead',
      fix: host.raw.includes('${')
        ? `ACTIVITY_LOG_HOST=…, the ${pluginOf(output) === 'http' ? 'HTTP' : 'TCP'} address of the pipeline`
        : lineIn(fluentBit, 'Host', '…'),
    }),
  );
  return findings;
}

function loggingService(output: Section, input: EventInput): Finding[] {
  const isHttp = pluginOf(output) === 'http';
  return [...pipeline(output, input), ...(isHttp ? overHttp(output, input) : sharedKey(output, input))];
}

function sharedKey(output: Section, { fluentBit }: EventInput): Finding[] {
  if (entriesOf(output, 'shared_key').length > 0) return [];
  return [
    error('output-key', `${nameOf(output)} has no Shared_Key`, {
      at: output.at,
      impact: 'the Logging Service refuses the events',
      fix: lineIn(fluentBit, 'Shared_Key', '${ACTIVITY_LOG_API_KEY}'),
    }),
  ];
}

/** What the Logging Service needs by HTTP: JSON, at the path of the pipeline's tag, with the pipeline's key. */
function overHttp(output: Section, input: EventInput): Finding[] {
  const findings: Finding[] = [];
  const { fluentBit, tag } = input;
  const key = headerOf(output, KEY_HEADER);
  if (key === undefined || key.raw === headerName(key.raw)) {
    findings.push(
      error(
        'output-key',
        key === undefined ? `${nameOf(output)} sends no ${KEY_HEADER}` : `Header ${key.raw} has no value`,
        {
          at: key?.at ?? output.at,
          impact: `the Logging Service refuses the events${key === undefined ? '' : ': Fluent Bit sends the name as the value'}`,
          fix: lineIn(fluentBit, 'Header', `${KEY_HEADER} \${ACTIVITY_LOG_API_KEY}`),
        },
      ),
    );
  }
  const format = entriesOf(output, 'format').at(-1);
  if (format?.value.toLowerCase() !== 'json') {
    findings.push(
      error(
        'output-format',
        format === undefined ? 'Format is not set, and its default is msgpack' : `Format ${format.value}`,
        {
          at: format?.at ?? output.at,
          impact: 'the Logging Service accepts only JSON',
          fix: lineIn(fluentBit, 'Format', 'json'),
        },
      ),
    );
  }
  const uri = entriesOf(output, 'uri').at(-1);
  const path = uri?.value ?? '/';
  if (tag === '') return findings;
  if (path === '/') {
    const fix = lineIn(fluentBit, 'URI', `/${tag}`);
    const impact = 'the Logging Service finds its pipeline by the path';
    findings.push(error('output-uri', 'the URI does not name a tag', { at: uri?.at ?? output.at, impact, fix }));
  } else if (path !== `/${tag}` && !path.includes('<')) {
    const fix = lineIn(fluentBit, 'URI', `/${tag}`);
    const impact = "correct only if this is the pipeline's tag, by which events are found in Grafana";
    findings.push(
      warning('output-uri', `URI ${path} is not the tag ${tag}`, { at: uri?.at ?? output.at, impact, fix }),
    );
  }
  return findings;
}
