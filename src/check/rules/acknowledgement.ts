import { isLoopback } from '../../lib/hosts.ts';
import { entriesOf } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import type { Input } from '../facts/input.ts';
import { serviceEntry, serviceAt } from '../fluent-bit-config/read.ts';
import { SHIPPED_ALIAS, ackUrlOf, httpPortOf, soundCommand } from './suggested-command.ts';

/** By default, Fluent Bit listens on all addresses. */
const DEFAULT_LISTEN = '0.0.0.0';
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };
const ALL_ADDRESSES = new Set(['0.0.0.0', '::', '*', '']);
const UNNOTICED = 'lines that Fluent Bit drops are lost without notice';

/** Whether the script can tell that Fluent Bit took its lines. */
export function checkAcknowledgement(input: Input): Finding[] {
  const { config, alias, command } = input;
  if (config === undefined) return listen(input);
  const { ackUrl, ackInput } = config;
  const findings = [
    ...(ackUrl === undefined ? [notTold(input)] : []),
    ...(ackUrl === undefined || isLoopback(ackUrl.hostname) ? server(input, ackUrl) : []),
    ...name(input, ackUrl === undefined ? (alias ?? SHIPPED_ALIAS) : ackInput),
    ...listen(input),
  ];
  if (findings.length > 0 || ackUrl === undefined) return findings;
  return [ok('acknowledgement', `${input.name}: delivery is confirmed by ${ackUrl.host}`, { at: command.at })];
}

function notTold(input: Input): Finding {
  return error('ack-url', 'delivery is not confirmed: --ack-url is missing', {
    at: input.command.at,
    impact: `${UNNOTICED}, for example whenever it stops`,
    fix: soundCommand(input),
  });
}

/** Whether there is an HTTP server where the script asks. */
function server({ fluentBit, command }: Input, ackUrl: URL | undefined): Finding[] {
  const entry = serviceEntry(fluentBit, 'http_server');
  const impact = `there are no counters to read, and ${UNNOTICED}`;
  if (truth(entry?.value) !== true) {
    return [
      error('http-server', 'HTTP_Server is not on', {
        at: entry?.at ?? serviceAt(fluentBit),
        impact,
        fix: lineIn(fluentBit, 'HTTP_Server', 'On'),
      }),
    ];
  }
  if (ackUrl === undefined) return [];
  const listens = serviceEntry(fluentBit, 'http_listen')?.value ?? DEFAULT_LISTEN;
  const isLocal = ALL_ADDRESSES.has(listens) || isLoopback(listens);
  const port = httpPortOf(fluentBit);
  const asked = ackUrl.port === '' ? DEFAULT_PORTS[ackUrl.protocol] : ackUrl.port;
  if (isLocal && asked === port) return [];
  const address = isLocal ? ackUrlOf(fluentBit) : `http://${listens}:${port}`;
  const message = `--ack-url is ${ackUrl.origin}, but Fluent Bit listens at ${address}`;
  return [error('ack-address', message, { at: command.at, impact, fix: `--ack-url ${address}` })];
}

/** Whether the script asks for this input's counter. */
function name({ name: own, section, fluentBit, command }: Input, asked: string): Finding[] {
  if (asked === own) return [];
  const impact = `there is no counter of that name, and ${UNNOTICED}`;
  const alias = entriesOf(section, 'alias').at(-1);
  if (alias === undefined) {
    const fix = lineIn(fluentBit, 'Alias', asked);
    return [
      error('ack-input', `the input has no Alias, but the script asks for the counter of ${asked}`, {
        at: section.at,
        impact,
        fix,
      }),
    ];
  }
  const message = `Alias ${alias.value} does not match --ack-input ${asked}`;
  return [error('ack-input', message, { at: command.at, impact, fix: `--ack-input ${alias.value}` })];
}

function listen(input: Input): Finding[] {
  const { fluentBit } = input;
  const server = serviceEntry(fluentBit, 'http_server');
  const entry = serviceEntry(fluentBit, 'http_listen');
  if (truth(server?.value) !== true || !ALL_ADDRESSES.has(entry?.value ?? DEFAULT_LISTEN)) return [];
  const message = entry === undefined ? 'HTTP_Server without HTTP_Listen' : `HTTP_Listen ${entry.value}`;
  return [
    warning('http-listen', `${message} listens on all addresses`, {
      at: entry?.at ?? serviceAt(fluentBit),
      impact: 'anyone who can reach this machine can read its metrics',
      fix: lineIn(fluentBit, 'HTTP_Listen', '127.0.0.1'),
    }),
  ];
}
