import { environmentOf } from '../../src/check/facts/environment.ts';
import { inputsOf, type Input } from '../../src/check/facts/input.ts';
import { thisMachine } from '../../src/check/facts/machine.ts';
import { readService } from '../../src/check/facts/service.ts';
import type { Finding } from '../../src/check/finding.ts';
import type { FluentBitConfig, Section, SectionKind } from '../../src/check/fluent-bit-config/model.ts';
import { configOf } from './fluent-bit-config.ts';

/** The keys of a section with their values; undefined takes away one of a sound section. */
export type Keys = Readonly<Record<string, string | undefined>>;

interface Parts {
  readonly input?: Keys;
  readonly service?: Keys;
  readonly outputs?: readonly Keys[];
  readonly parser?: Keys;
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: readonly Section[];
  readonly format?: FluentBitConfig['format'];
}

export const CALL =
  'exec /opt/fluent-bit/scripts/fetch-activity-logs --ack-url http://127.0.0.1:2020 --ack-input activity_log';

const SERVICE: Keys = {
  http_server: 'On',
  http_listen: '127.0.0.1',
  http_port: '2020',
  'storage.path': '/srv/storage',
  'storage.keep.rejected': 'On',
};
const INPUT: Keys = {
  name: 'exec',
  alias: 'activity_log',
  tag: 'activityLog',
  command: CALL,
  parser: 'activity_log',
  interval_sec: '300',
  buf_size: '2M',
  threaded: 'On',
  'storage.type': 'filesystem',
};
const PARSER: Keys = { name: 'activity_log', format: 'json' };
/** An output of the plugin loki, in order, for lines of the usual length. */
export const LOKI: Keys = {
  name: 'loki',
  match: '*',
  host: '127.0.0.1',
  retry_limit: 'no_limits',
  'storage.total_limit_size': '1G',
};

/** A section of main.conf; the line of each key is its place among them, from 1, that of the section is 0. */
export function sectionOf(kind: SectionKind, keys: Keys): Section {
  const given = Object.entries(keys).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const at = (line: number) => ({ file: 'main.conf', line });
  return { kind, at: at(0), entries: given.map(([key, value], index) => ({ key, value, raw: value, at: at(index + 1) })) }; // prettier-ignore
}

/** A sound input of this program with its pipeline, as `check` reads it, but for what is given. */
export async function checkedInput({ input, service, outputs = [LOKI], parser, env = {}, more = [], format = 'classic' }: Parts = {}): Promise<Input> {
  const config: FluentBitConfig = {
    ...configOf([
      sectionOf('service', { ...SERVICE, ...service }),
      sectionOf('input', { ...INPUT, ...input }),
      ...outputs.map((keys) => sectionOf('output', keys)),
      ...more,
    ]),
    format,
    parsers: [sectionOf('parser', { ...PARSER, ...parser })],
  };
  const machine = { ...thisMachine(), root: '/nowhere', run: () => Promise.resolve(undefined) };
  const [found] = inputsOf(config, environmentOf(await readService(machine), false, env, machine));
  if (found === undefined) throw new Error('this input does not run this program');
  return found;
} // prettier-ignore

/** `level code: message` of each finding that is not in order. */
export function faultsIn(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ level, code, message }) => (level === 'ok' ? [] : [`${level} ${code}: ${message}`]));
}
