/**
 * The sandbox as a process of its own:
 *
 *     tsx test/sandbox/main.ts [--port 0] [--seed 1] [--contracts 3] [--events 100] [--span 300]
 *                              [--arrivals 0] [--seconds 600] [--set order=shuffled] [--set cloudscale.pageSize=2] …
 *
 * `--events` for each contract (and for the cloudscale.ch project), spread over the last `--span` seconds;
 * `--arrivals` new ones a second; `--set` takes any switch of `options.ts`, its value as JSON or as text.
 * Prints one line, URL and token with a blank between, and ends after `--seconds` or at SIGINT or SIGTERM.
 */

import { parseArgs } from 'node:util';
import { type SandboxSettings, withDefaults } from './options.ts';
import { startSandbox } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    contracts: { type: 'string', default: '3' },
    events: { type: 'string', default: '100' },
    span: { type: 'string', default: '300' },
    arrivals: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '600' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const arrivals = count('arrivals', values.arrivals);
const settings: SandboxSettings = {
  ...switches(values.set),
  port: count('port', values.port),
  seed: count('seed', values.seed),
  arrivalsPerSecond: arrivals,
};
const sandbox = await startSandbox(settings);
sandbox.options.cloudscale.arrivalsPerSecond = arrivals;
const to = sandbox.options.now();
const range = { count: count('events', values.events), from: to - count('span', values.span) * 1000, to };
for (const contract of contractNumbers(count('contracts', values.contracts))) sandbox.generate(contract, range);
sandbox.generateEntries(range);
process.stdout.write(`${sandbox.url} ${sandbox.options.token ?? ''}\n`);

const timer = setTimeout(end, count('seconds', values.seconds) * 1000);
process.once('SIGINT', end).once('SIGTERM', end);

function end(): void {
  clearTimeout(timer);
  void sandbox.close();
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) throw new TypeError(`--${name} is not a number: ${text}`);
  return value;
}

/** The first has 19 digits, more than a JavaScript number can hold. */
function contractNumbers(many: number): string[] {
  const numbers = Array.from({ length: many }, (_, index) => `${31_721_059 + index}`);
  return many === 0 ? [] : ['9876543218374837483', ...numbers.slice(1)];
}

function switches(list: readonly string[]): SandboxSettings {
  const known: object = withDefaults({});
  const settings: Record<string, unknown> & { cloudscale: Record<string, unknown> } = { cloudscale: {} };
  for (const item of list) {
    const [, group, name = '', text = ''] = /^(cloudscale\.)?(\w+)=(.*)$/s.exec(item) ?? [];
    const switchesThere: object = group === undefined ? known : withDefaults({}).cloudscale;
    if (!(name in switchesThere)) throw new TypeError(`--set knows no switch like ${item}`);
    (group === undefined ? settings : settings.cloudscale)[name] = jsonOrText(text);
  }
  return settings;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
