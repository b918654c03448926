import { environmentOf } from '../check/facts/environment.ts';
import { readConfiguration } from '../check/facts/configuration.ts';
import { inputsOf, type Input } from '../check/facts/input.ts';
import { thisMachine, type Machine } from '../check/facts/machine.ts';
import { readService } from '../check/facts/service.ts';
import { variableOf, type Options } from '../config/settings.ts';
import { ConfigError } from '../lib/errors.ts';
import type { World } from '../lib/world.ts';

const DEFAULT_CONFIG = '/etc/fluent-bit/fluent-bit.conf';
/** What is about the service's own lines, not about what is collected, with which token and where it is kept. */
const OWN_AFFAIRS = ['since', 'add-fields', 'metrics-file', 'log-level', 'quiet', 'peek', 'interval', 'deadline'];

/** What a command goes by. */
export interface Settings {
  /** The input whose settings they are; undefined where there is none. */
  readonly input: string | undefined;
  readonly options: Options;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The settings of each input of this machine's Fluent Bit service that runs this program, beneath the options and
 * variables that are given here; none unless root asks. Of `--provider`, only that provider's.
 */
export async function inputSettings(
  options: Options,
  { env, hasService }: Pick<World, 'env' | 'hasService'>,
  machine: Machine = thisMachine(),
): Promise<readonly Settings[]> {
  const inputs = hasService === true && machine.uid === 0 ? await serviceInputs(machine, env) : [];
  return inputs
    .filter(({ config }) => options['provider'] === undefined || config?.provider.name === options['provider'])
    .map((input) => ({ input: input.name, options: optionsBeneath(input, options), env: envBeneath(input, env) }));
}

/**
 * The settings for a command that is about one input: those of the input, where root asks on the machine of a service
 * that has one, else what is given. Throws ConfigError when there are several to choose from.
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
        'say with --token-file whose events are meant',
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
  const { config } = readConfiguration(service.configFile ?? DEFAULT_CONFIG, false, environment, machine);
  return config === undefined ? [] : inputsOf(config, environment);
}

function optionsBeneath({ options, environment, config }: Input, given: Options): Options {
  const own = Object.entries(options).filter(([name]) => !OWN_AFFAIRS.includes(name));
  const credential = environment.service?.tokenFile;
  const token = config?.tokenFile === undefined && credential !== undefined ? { 'token-file': credential } : {};
  return { ...token, ...Object.fromEntries(own), ...given };
}

/** Variables that are set here count more than those of the service. */
function envBeneath(input: Input, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const left = OWN_AFFAIRS.map(variableOf);
  const own = Object.entries(input.env).filter(([name]) => !left.includes(name));
  const set = Object.entries(env).filter(([, value]) => value !== '');
  return { ...Object.fromEntries(own), ...Object.fromEntries(set) };
}
