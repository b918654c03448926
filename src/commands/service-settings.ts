import { environmentOf } from '../check/facts/environment.ts';
import { readConfiguration } from '../check/facts/configuration.ts';
import { inputsOf, type Input } from '../check/facts/input.ts';
import { pathOn, thisMachine, type Machine } from '../check/facts/machine.ts';
import { MAIN } from '../check/facts/paths.ts';
import { rejectedFolderOf } from '../check/facts/rejected-folder.ts';
import { readService } from '../check/facts/service.ts';
import { variableOf, type Options } from '../config/settings.ts';
import { ConfigError } from '../lib/errors.ts';
import type { World } from '../lib/world.ts';

/** Options of the service that do not apply to other commands: how it prints, and when. */
const OWN_AFFAIRS = ['since', 'add-fields', 'metrics-file', 'log-level', 'quiet', 'peek', 'interval', 'deadline'];

export interface Settings {
  /** The input that they are from; undefined where there is none. */
  readonly input: string | undefined;
  readonly options: Options;
  readonly env: NodeJS.ProcessEnv;
  /** Where its Fluent Bit sets aside what a destination refused; undefined where there is no input. */
  readonly rejectedFolder?: string | undefined;
}

/**
 * The settings of each input of this machine's Fluent Bit service that runs this program, overridden by the options and
 * variables given here. None unless run as root. With `--provider`, only that provider's inputs.
 */
export async function inputSettings(
  options: Options,
  { env, hasService }: Pick<World, 'env' | 'hasService'>,
  machine: Machine = thisMachine(),
): Promise<readonly Settings[]> {
  const inputs = hasService === true && machine.uid === 0 ? await serviceInputs(machine, env) : [];
  return inputs
    .filter(({ config }) => options['provider'] === undefined || config?.provider.name === options['provider'])
    .map((input) => ({
      input: input.name,
      options: optionsBeneath(input, options),
      env: envBeneath(input, env),
      rejectedFolder: input.config && pathOn(machine, rejectedFolderOf(input.fluentBit, input.config.stateFile)),
    }));
}

/**
 * The settings for a command about one input: the input's when run as root on the machine of a service that has one,
 * otherwise those given. Throws ConfigError when there are several inputs.
 */
export async function settingsForOne(
  options: Options,
  world: Pick<World, 'env' | 'hasService'>,
  machine?: Machine,
): Promise<Settings> {
  const given = { input: undefined, options, env: world.env };
  const isSaid = ['token-file', 'state-file'].some((name) => isGiven(name, options, world.env));
  if (isSaid) return given;
  const inputs = await inputSettings({ provider: 'ionos', ...options }, world, machine);
  if (inputs.length > 1) {
    throw new ConfigError(
      `this machine has several such inputs (${inputs.map(({ input }) => input).join(', ')}): ` +
        'choose one with --token-file',
    );
  }
  return inputs[0] === undefined ? given : { ...inputs[0], options: { ...inputs[0].options, ...options } };
}

/** Whether an option is given, or its environment variable. */
export function isGiven(name: string, options: Options, env: NodeJS.ProcessEnv): boolean {
  return options[name] !== undefined || (env[variableOf(name)] ?? '') !== '';
}

async function serviceInputs(machine: Machine, env: NodeJS.ProcessEnv): Promise<Input[]> {
  const service = await readService(machine);
  if (!service.isThere) return [];
  const environment = environmentOf(service, true, env, machine);
  const { config } = readConfiguration(service.configFile ?? MAIN, false, environment, machine);
  return config === undefined ? [] : inputsOf(config, environment);
}

function optionsBeneath({ options, environment, config }: Input, given: Options): Options {
  const own = Object.entries(options).filter(([name]) => !OWN_AFFAIRS.includes(name));
  const credential = environment.service?.tokenFile;
  const token = config?.tokenFile === undefined && credential !== undefined ? { 'token-file': credential } : {};
  return { ...token, ...Object.fromEntries(own), ...given };
}

/** Variables set here override those of the service. */
function envBeneath(input: Input, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const left = OWN_AFFAIRS.map(variableOf);
  const own = Object.entries(input.env).filter(([name]) => !left.includes(name));
  const set = Object.entries(env).filter(([, value]) => value !== '');
  return { ...Object.fromEntries(own), ...Object.fromEntries(set) };
}
