import { isLoopback } from '../../lib/hosts.ts';
import { entryOf, valueOf } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, ok, type Finding, lineIn } from '../finding.ts';
import type { Input } from '../facts/input.ts';
import { ALL_ADDRESSES, DEFAULT_LISTEN, UNNOTICED, checkKeys } from './key-rules.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';
import { SHIPPED_ALIAS, ackUrlOf, httpPortOf, soundCommand } from './suggested-command.ts';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Whether the script can tell that Fluent Bit took its lines. */
export function checkAcknowledgement(input: Input): Finding[] {
  const { config, alias, command } = input;
  if (config === undefined) return listen(input);
  const { ackUrl, ackInput } = config;
  const findings = [
    ...(ackUrl === undefined ? notTold(input) : []),
    ...(ackUrl === undefined || isLoopback(ackUrl.hostname) ? server(input, ackUrl) : []),
    ...name(input, ackUrl === undefined ? (alias ?? SHIPPED_ALIAS) : ackInput),
    ...listen(input),
  ];
  if (findings.length > 0 || ackUrl === undefined) return findings;
  return ok('acknowledgement', `${input.name}: delivery is confirmed by ${ackUrl.host}`, { at: command.at });
}

function notTold(input: Input): Finding[] {
  return error('ack-url', 'delivery is not confirmed: --ack-url is missing', {
    at: input.command.at,
    impact: `${UNNOTICED}, for example whenever it stops`,
    fix: soundCommand(input),
  });
}

/** Whether there is an HTTP server where the script asks. */
function server({ fluentBit, command }: Input, ackUrl: URL | undefined): Finding[] {
  const service = serviceOf(fluentBit);
  const missing = checkKeys(['HTTP_Server'], service, fluentBit);
  if (missing.length > 0 || ackUrl === undefined) return missing;
  const listens = valueOf(service, 'http_listen') ?? DEFAULT_LISTEN;
  const isLocal = ALL_ADDRESSES.test(listens) || isLoopback(listens);
  const port = httpPortOf(fluentBit);
  const asked = ackUrl.port === '' ? DEFAULT_PORTS[ackUrl.protocol] : ackUrl.port;
  if (isLocal && asked === port) return [];
  const address = isLocal ? ackUrlOf(fluentBit) : `http://${listens}:${port}`;
  const message = `--ack-url is ${ackUrl.origin}, but Fluent Bit listens at ${address}`;
  const impact = `there are no counters to read, and ${UNNOTICED}`;
  return error('ack-address', message, { at: command.at, impact, fix: `--ack-url ${address}` });
}

/** Whether the script asks for this input's counter. */
function name({ name: own, section, fluentBit, command }: Input, asked: string): Finding[] {
  if (asked === own) return [];
  const impact = `there is no counter of that name, and ${UNNOTICED}`;
  const alias = entryOf(section, 'alias');
  if (alias === undefined) {
    const fix = lineIn(fluentBit, 'Alias', asked);
    return error('ack-input', `the input has no Alias, but the script asks for the counter of ${asked}`, {
      at: section.at,
      impact,
      fix,
    });
  }
  const message = `Alias ${alias.value} does not match --ack-input ${asked}`;
  return error('ack-input', message, { at: command.at, impact, fix: `--ack-input ${alias.value}` });
}

function listen({ fluentBit }: Input): Finding[] {
  const service = serviceOf(fluentBit);
  return truth(valueOf(service, 'http_server')) === true ? checkKeys(['HTTP_Listen'], service, fluentBit) : [];
}
