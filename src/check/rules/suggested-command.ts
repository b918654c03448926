import { valueOf, type FluentBitConfig } from '../fluent-bit-config/model.ts';
import type { Input } from '../facts/input.ts';
import { lineIn } from '../finding.ts';
import { findScriptCall } from '../facts/shell-command.ts';
import { isSecretName } from '../../lib/secrets.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';

export const INSTALLED_SCRIPT = '/opt/fluent-bit/scripts/fetch-activity-logs';
const DEFAULT_PORT = '2020';
export const SHIPPED_ALIAS = 'activity_log';
/** Words that need no quoting; Fluent Bit replaces its variables before the shell sees them. */
const PLAIN = /^[\w@%+=:,./${}-]+$/;
/** Words that do not belong in the command of an input. */
const NO_POLL = /^(follow|export|status|check|completion|--peek|--help|-h|--version)$/;

export function httpPortOf(config: FluentBitConfig): string {
  return valueOf(serviceOf(config), 'http_port') ?? DEFAULT_PORT;
}

/** The address of Fluent Bit's HTTP server on its own machine. */
export function ackUrlOf(config: FluentBitConfig): string {
  return `http://127.0.0.1:${httpPortOf(config)}`;
}

/** The command of an input as it should be: with what is missing, without what does not belong there. */
export function soundCommand(
  input: Input,
  instead: { readonly script?: string; readonly interpreter?: string } = {},
): string {
  const { fluentBit, command, config, alias } = input;
  // As written, before variables are replaced.
  const call = findScriptCall(command.raw) ?? input.call;
  const script = instead.script ?? (call.script.includes('/') ? call.script : INSTALLED_SCRIPT);
  const interpreter = instead.interpreter ?? call.interpreter;
  const assignments = Object.entries(call.assignments).filter(([name]) => !isSecretName(name));
  const isSilent = config !== undefined && config.ackUrl === undefined;
  const words = [
    ...assignments.map(([name, value]) => `${name}=${quoted(value)}`),
    'exec',
    ...(interpreter === undefined ? [] : [interpreter]),
    script,
    ...call.args.filter((word) => !NO_POLL.test(word)).map(quoted),
    ...(isSilent ? ['--ack-url', ackUrlOf(fluentBit), '--ack-input', alias ?? SHIPPED_ALIAS] : []),
  ];
  return lineIn(fluentBit, 'Command', words.join(' '));
}

/** The command of an input that does not run this program yet. */
export function shippedCommand(config: FluentBitConfig): string {
  const words = ['exec', INSTALLED_SCRIPT, '--ack-url', ackUrlOf(config), '--ack-input', SHIPPED_ALIAS];
  return lineIn(config, 'Command', words.join(' '));
}

function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
