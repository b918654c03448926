import { parseCommandLine } from '../command-line.ts';
import { readConfig, type Config, type Options } from '../config.ts';
import { ConfigError } from '../errors.ts';
import { entriesOf, valueOf, type Entry, type FluentBitConfig, type Section } from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';
import { leadingInteger } from '../fluent-bit-config/values.ts';
import type { Environment } from './environment.ts';
import { routesOf } from './output.ts';
import { findScriptCall, startsPythonFetcher, type ScriptCall } from './script-call.ts';

const DEFAULT_INTERVAL_SEC = 1;

/** An exec input that runs this program, with all that bears on it. */
export interface Input {
  readonly section: Section;
  /** What its counters go by: its alias, or `exec.0`. */
  readonly name: string;
  readonly alias: string | undefined;
  readonly tag: string;
  readonly command: Entry;
  readonly call: ScriptCall;
  /** How often the command is started. */
  readonly intervalSec: number;
  /** The outputs that its events reach. */
  readonly outputs: readonly Section[];
  readonly fluentBit: FluentBitConfig;
  readonly environment: Environment;
  /** The environment with what the command itself sets. */
  readonly env: NodeJS.ProcessEnv;
  /** The options that the command gives. */
  readonly options: Options;
  /** What they and the environment come to; undefined when the program refuses them. */
  readonly config: Config | undefined;
  readonly refusal: string | undefined;
}

/** The inputs of a configuration that run this program. */
export async function inputsOf(fluentBit: FluentBitConfig, environment: Environment): Promise<Input[]> {
  const inputs: Input[] = [];
  for (const [index, section] of execInputs(fluentBit).entries()) {
    const command = entriesOf(section, 'command').at(-1);
    const call = command === undefined ? undefined : findScriptCall(command.value);
    if (command === undefined || call === undefined) continue;
    const alias = valueOf(section, 'alias');
    const tag = valueOf(section, 'tag') ?? `exec.${index}`;
    const env = { ...environment.variables, ...call.assignments };
    const seconds = leadingInteger(valueOf(section, 'interval_sec') ?? '');
    inputs.push({
      section,
      name: alias ?? `exec.${index}`,
      alias,
      tag,
      command,
      call,
      intervalSec: seconds > 0 ? seconds : DEFAULT_INTERVAL_SEC,
      outputs: routesOf(fluentBit, tag, 'output'),
      fluentBit,
      environment,
      env,
      ...(await optionsOf(call, env)),
    });
  }
  return inputs;
}

/** Inputs that run the fetcher of the vendor's tutorial. */
export function pythonInputsOf(fluentBit: FluentBitConfig): Section[] {
  return execInputs(fluentBit).filter((section) => startsPythonFetcher(valueOf(section, 'command') ?? ''));
}

function execInputs(fluentBit: FluentBitConfig): Section[] {
  return sectionsOf(fluentBit, 'input').filter((section) => valueOf(section, 'name')?.toLowerCase() === 'exec');
}

async function optionsOf(
  { args }: ScriptCall,
  env: NodeJS.ProcessEnv,
): Promise<Pick<Input, 'options' | 'config' | 'refusal'>> {
  let options: Options = {};
  try {
    const parsed = await parseCommandLine(args, () => undefined);
    if (parsed === undefined) return { options, config: undefined, refusal: 'the command only shows a text' };
    options = parsed;
    return { options, config: readConfig(options, env), refusal: undefined };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { options, config: undefined, refusal: thrown.message };
  }
}
