import { parseCommandLine } from '../../config/command-line.ts';
import { readConfig, type Config } from '../../config/config.ts';
import type { Options } from '../../config/settings.ts';
import { ConfigError } from '../../lib/errors.ts';
import { entryOf, valueOf, type Entry, type FluentBitConfig, type Section } from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';
import { leadingInteger } from '../fluent-bit-config/values.ts';
import type { Environment } from './environment.ts';
import { routesOf } from './routes.ts';
import { findScriptCall, startsPythonFetcher, type ScriptCall } from './shell-command.ts';

const DEFAULT_INTERVAL_SEC = 1;

/** An exec input for audit events, and where they go. */
export interface EventInput {
  readonly section: Section;
  /** The name of its counters: its alias, or `exec.0` with its position among all inputs (flb_input.c). */
  readonly name: string;
  readonly alias: string | undefined;
  readonly tag: string;
  readonly command: Entry;
  readonly intervalSec: number;
  /** The outputs that its events reach. */
  readonly outputs: readonly Section[];
  readonly fluentBit: FluentBitConfig;
  /** The settings of this program; undefined for another program, and for invalid options. */
  readonly config?: Config | undefined;
}

/** An input that runs this program. */
export interface Input extends EventInput {
  readonly call: ScriptCall;
  readonly environment: Environment;
  /** The environment with what the command itself sets. */
  readonly env: NodeJS.ProcessEnv;
  /** The command of this program that it runs, which should be `collect`. */
  readonly runs: string;
  readonly options: Options;
  /** Why this program would refuse the options or the environment. */
  readonly refusal: string | undefined;
}

/** The inputs of a configuration that run this program. */
export function inputsOf(fluentBit: FluentBitConfig, environment: Environment): Input[] {
  const inputs: Input[] = [];
  for (const input of execInputs(fluentBit)) {
    const call = findScriptCall(input.command.value);
    if (call === undefined) continue;
    const env = { ...environment.variables, ...call.assignments };
    inputs.push({ ...input, call, environment, env, ...optionsOf(call, env) });
  }
  return inputs;
}

/** The inputs that run the fetcher of the vendor's tutorial. */
export function pythonInputsOf(fluentBit: FluentBitConfig): EventInput[] {
  return execInputs(fluentBit).filter(({ command }) => startsPythonFetcher(command.value));
}

function execInputs(fluentBit: FluentBitConfig): EventInput[] {
  return sectionsOf(fluentBit, 'input').flatMap((section, index) => {
    if (valueOf(section, 'name')?.toLowerCase() !== 'exec') return [];
    const command = entryOf(section, 'command');
    if (command === undefined) return [];
    const alias = valueOf(section, 'alias');
    const tag = valueOf(section, 'tag') ?? `exec.${index}`;
    const seconds = leadingInteger(valueOf(section, 'interval_sec') ?? '');
    return [
      {
        section,
        name: alias ?? `exec.${index}`,
        alias,
        tag,
        command,
        intervalSec: seconds > 0 ? seconds : DEFAULT_INTERVAL_SEC,
        outputs: routesOf(fluentBit, tag, 'output'),
        fluentBit,
      },
    ];
  });
}

function optionsOf(
  { args }: ScriptCall,
  env: NodeJS.ProcessEnv,
): Pick<Input, 'runs' | 'options' | 'config' | 'refusal'> {
  let options: Options = {};
  let runs = 'collect';
  try {
    const { shows, command, options: given } = parseCommandLine(args);
    if (shows !== undefined)
      return { runs, options, config: undefined, refusal: 'the command only prints help or the version' };
    options = given;
    runs = command.name;
    return { runs, options, config: readConfig(options, env), refusal: undefined };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { runs, options, config: undefined, refusal: thrown.message };
  }
}
