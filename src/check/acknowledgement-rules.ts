import { entriesOf, type Position } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding } from './finding.ts';
import type { Input } from './input.ts';
import { lineIn } from './line.ts';
import { withoutSecrets } from './secrets.ts';
import { serviceEntry, serviceSection } from './service-section.ts';

const DEFAULT_PORT = '2020';
/** Fluent Bit listens on all addresses unless told otherwise. */
const DEFAULT_LISTEN = '0.0.0.0';
const ALL_ADDRESSES = new Set(['0.0.0.0', '::', '*', '']);
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|::1)$/;
const UNNOTICED = 'lines that Fluent Bit drops are lost unnoticed';

/** Whether the script can see that Fluent Bit took its lines. */
export function checkAcknowledgement(input: Input): Finding[] {
  const findings = [...ackUrl(input), ...listen(input)];
  if (findings.length > 0) return findings;
  const { host = '' } = input.config?.ackUrl ?? {};
  return [ok('acknowledgement', `${input.name}: its lines are counted at ${host}`, { at: input.command.at })];
}

function ackUrl(input: Input): Finding[] {
  const { config, command, fluentBit, name } = input;
  if (config === undefined) return [];
  const port = serviceEntry(fluentBit, 'http_port')?.value ?? DEFAULT_PORT;
  const right = `http://127.0.0.1:${port}`;
  if (config.ackUrl === undefined) {
    const options = ` --ack-url ${right} --ack-input ${name}`;
    return [
      error('ack-url', 'Command without --ack-url', {
        at: command.at,
        cost: `${UNNOTICED}: at each stop, and when it is killed`,
        write: lineIn(fluentBit, 'Command', withoutSecrets(command.raw) + options),
      }),
    ];
  }
  const server = serviceEntry(fluentBit, 'http_server');
  if (LOOPBACK.test(config.ackUrl.hostname)) {
    if (truth(server?.value ?? '') !== true) {
      return [
        error('http-server', '--ack-url is given, but HTTP_Server is not on', {
          at: server?.at ?? sectionAt(input),
          cost: `there are no counters to ask, and ${UNNOTICED}`,
          write: lineIn(fluentBit, 'HTTP_Server', 'On'),
        }),
      ];
    }
    const asked = config.ackUrl.port === '' ? (config.ackUrl.protocol === 'http:' ? '80' : '443') : config.ackUrl.port;
    const other = serviceEntry(fluentBit, 'http_listen')?.value ?? DEFAULT_LISTEN;
    if (asked !== port || !(ALL_ADDRESSES.has(other) || LOOPBACK.test(other))) {
      const address = ALL_ADDRESSES.has(other) || LOOPBACK.test(other) ? right : `http://${other}:${port}`;
      return [
        error('ack-address', `--ack-url is ${config.ackUrl.origin}, but Fluent Bit listens at ${address}`, {
          at: command.at,
          cost: `there are no counters to ask, and ${UNNOTICED}`,
          write: `--ack-url ${address}`,
        }),
      ];
    }
  }
  return alias(input, config.ackInput);
}

function alias({ name, alias: given, section, command, fluentBit }: Input, ackInput: string): Finding[] {
  if (ackInput === name) return [];
  const cost = `there are no counters of that name, and ${UNNOTICED}`;
  if (given === undefined) {
    const write = lineIn(fluentBit, 'Alias', ackInput);
    return [error('ack-input', `the input has no Alias, and --ack-input is ${ackInput}`, { at: section.at, cost, write })];
  }
  const at = entriesOf(section, 'alias').at(-1)?.at ?? command.at;
  return [
    error('ack-input', `Alias ${given} does not fit --ack-input ${ackInput}`, {
      at,
      cost,
      write: `--ack-input ${given}`,
    }),
  ];
}

function listen(input: Input): Finding[] {
  const { fluentBit } = input;
  const server = serviceEntry(fluentBit, 'http_server');
  const entry = serviceEntry(fluentBit, 'http_listen');
  if (truth(server?.value ?? '') !== true || !ALL_ADDRESSES.has(entry?.value ?? DEFAULT_LISTEN)) return [];
  const message = entry === undefined ? 'HTTP_Server without HTTP_Listen' : `HTTP_Listen ${entry.value}`;
  return [
    warning('http-listen', `${message}: it answers on all addresses`, {
      at: entry?.at ?? server?.at,
      cost: 'whoever reaches this machine reads its figures',
      write: lineIn(fluentBit, 'HTTP_Listen', '127.0.0.1'),
    }),
  ];
}

function sectionAt({ fluentBit }: Input): Position | { readonly file: string } {
  return serviceSection(fluentBit)?.at ?? { file: fluentBit.file };
}
