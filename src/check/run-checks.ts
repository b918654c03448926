import { resolve } from 'node:path';
import { readConfig } from '../config/config.ts';
import type { Options } from '../config/settings.ts';
import { ConfigError } from '../lib/errors.ts';
import type { FluentBitConfig } from './fluent-bit-config/model.ts';
import type { World } from '../lib/world.ts';
import { checkAcknowledgement } from './rules/acknowledgement.ts';
import { checkApi } from './probes/api.ts';
import { checkCommand } from './rules/command.ts';
import { readConfiguration } from './facts/configuration.ts';
import { dryRun } from './facts/dry-run.ts';
import { environmentOf, type Environment, type Setup } from './facts/environment.ts';
import { fatal, ok, type Finding } from './finding.ts';
import { rejectedFolderOf } from './facts/rejected-folder.ts';
import { inputsOf, pythonInputsOf, type EventInput, type Input } from './facts/input.ts';
import { checkLines } from './rules/lines.ts';
import { pathOn, thisMachine, type Machine } from './facts/machine.ts';
import { MAIN } from './facts/paths.ts';
import { checkNode } from './probes/node-version.ts';
import { checkOutputs } from './rules/outputs.ts';
import { checkPlaceholders } from './rules/unset-variables.ts';
import { isIncomplete, problemFindings } from './rules/config-problems.ts';
import { checkRunning } from './probes/running.ts';
import { checkScript } from './probes/script.ts';
import { secretsOf } from '../lib/secrets.ts';
import { counted } from '../lib/words.ts';
import { checkPlainSecrets } from './rules/plain-secrets.ts';
import { readService, type Service } from './facts/service.ts';
import { checkService } from './rules/service.ts';
import { checkState } from './probes/state.ts';
import { checkStorage } from './rules/storage.ts';
import { checkTiming } from './rules/timing.ts';
import { checkAbsence, checkTogether } from './rules/inputs-together.ts';
import { checkToken } from './probes/token.ts';

export interface CheckOptions {
  readonly machine?: Machine;
}

interface Outcome {
  readonly findings: readonly Finding[];
  readonly secrets: readonly string[];
}

/** Checks this machine: each input that runs this program or, without one, what the command line describes. */
export async function runChecks(
  world: World,
  options: Options,
  { machine = thisMachine() }: CheckOptions,
): Promise<Outcome> {
  const service = await readService(machine);
  const serviceFile = service.configFile ?? MAIN;
  const named = options['config'];
  const file = typeof named === 'string' ? resolve(named) : serviceFile;
  const environment = environmentOf(service, service.isThere && file === serviceFile, world.env, machine);
  const configuration = readConfiguration(file, typeof named === 'string', environment, machine);
  const fluentBit = configuration.config;
  const inputs = fluentBit === undefined ? [] : inputsOf(fluentBit, environment);
  const python = fluentBit === undefined ? [] : pythonInputsOf(fluentBit);
  const { setups, refused } = setupsOf(inputs, environment, options);

  const looks = await Promise.all(setups.map((setup) => look(setup, world, machine)));
  const configFindings =
    fluentBit === undefined
      ? configuration.findings
      : await aboutConfig(fluentBit, inputs, python, environment, machine);
  const about = (await Promise.all(inputs.map((input) => aboutInput(input, machine)))).flat();
  const files = readAtStart(fluentBit, environment).map((path) => pathOn(machine, path));
  const running = await Promise.all(
    setups.map((setup) => {
      const rejectedFolder = pathOn(machine, rejectedFolderOf(fluentBit, setup.config.stateFile));
      return checkRunning(setup, { files, rejectedFolder }, world);
    }),
  );
  const sent =
    options['send'] === true ? await send([...inputs, ...python], machine, world) : { findings: [], secrets: [] };
  const findings = [
    ...(about.some(({ code }) => code === 'node') ? [] : checkNode(machine.node.version, machine.node.path)),
    ...checkService(environment),
    ...refused,
    ...looks.flatMap((one) => one.findings),
    ...configFindings,
    ...about,
    ...(inputs.length > 0 ? [] : python.flatMap(aboutPython)),
    ...running.flat(),
    ...sent.findings,
  ];
  const environments = [world.env, environment.variables, ...inputs.map(({ env }) => env)];
  return {
    findings: withoutRepetitions(findings),
    secrets: [...looks.flatMap(({ secrets }) => secrets), ...sent.secrets, ...environments.flatMap(secretsOf)],
  };
}

/** Sends a test record to each output once, however many inputs reach it. */
async function send(inputs: readonly EventInput[], machine: Machine, world: World): Promise<Outcome> {
  const { sendTestRecords } = await import('./probes/send.ts');
  const sections = new Map(inputs.flatMap((input) => input.outputs.map((output) => [output, input.tag] as const)));
  return sendTestRecords(sections, machine, world);
}

/**
 * What each input (of the provider, if one is given) would do; the options given override those of its command. Where
 * no input runs this program, what these options would do in Fluent Bit's environment.
 */
function setupsOf(
  inputs: readonly Input[],
  environment: Environment,
  instead: Options,
): { readonly setups: readonly Setup[]; readonly refused: readonly Finding[] } {
  const setups = inputs.flatMap(({ config, options, env, intervalSec }) => {
    const isMeant = instead['provider'] === undefined || instead['provider'] === config?.provider.name;
    if (config === undefined || !isMeant) return [];
    return [{ config: readConfig({ ...options, ...instead }, env), environment, env, intervalMs: intervalSec * 1000 }];
  });
  // An input with invalid options is a finding already.
  if (setups.length > 0 || inputs.some(({ config }) => config === undefined)) return { setups, refused: [] };
  const env = environment.variables;
  try {
    return { setups: [{ config: readConfig(instead, env), environment, env }], refused: [] };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const message = `Fluent Bit's environment holds an invalid setting: ${thrown.message}`;
    return { setups: [], refused: fatal('settings', message) };
  }
}

async function look(setup: Setup, world: World, machine: Machine): Promise<Outcome> {
  const { credentials, findings } = checkToken(setup, machine, world.now());
  const [api, state] = await Promise.all([
    credentials === undefined ? [] : checkApi(setup, credentials, world),
    checkState(setup, machine, world.now()),
  ]);
  return { findings: [...findings, ...api, ...state], secrets: credentials?.secrets ?? [] };
}

async function aboutConfig(
  fluentBit: FluentBitConfig,
  inputs: readonly Input[],
  python: readonly EventInput[],
  environment: Environment,
  machine: Machine,
): Promise<Finding[]> {
  const all: readonly EventInput[] = [...inputs, ...python];
  const sections = [...new Set(all.flatMap(({ section, outputs }) => [section, ...outputs]))];
  const tried = await dryRun(fluentBit, environment, machine);
  const findings = [
    ...problemFindings(fluentBit, environment, sections, tried),
    ...(inputs.length > 0 || isIncomplete(fluentBit) ? [] : checkAbsence(python, fluentBit)),
    ...checkTogether(inputs, python),
    ...checkPlaceholders(fluentBit, sections),
    ...checkPlainSecrets(fluentBit, sections, machine),
  ];
  if (findings.length > 0) return findings;
  const files = fluentBit.files.length;
  const verdict = tried === undefined ? 'not tried with Fluent Bit itself' : 'and Fluent Bit accepts it';
  return ok('config', `${counted(files, 'file')} read, ${verdict}`, { at: { file: fluentBit.file } });
}

async function aboutInput(input: Input, machine: Machine): Promise<Finding[]> {
  return [
    ...checkCommand(input),
    ...(await checkScript(input, machine)),
    ...checkLines(input),
    ...checkStorage(input),
    ...checkTiming(input),
    ...checkAcknowledgement(input),
    ...checkOutputs(input),
  ];
}

/** What would cost events of the Python fetcher. */
function aboutPython(input: EventInput): Finding[] {
  const findings = [...checkLines(input), ...checkStorage(input), ...checkTiming(input), ...checkOutputs(input)];
  return findings.filter(({ level }) => level !== 'ok');
}

/** The files that Fluent Bit read when it started. */
function readAtStart(fluentBit: FluentBitConfig | undefined, { service }: Environment): string[] {
  const variables: Service['variables'] = service?.variables ?? new Map();
  const environmentFiles = [...variables.values()].flatMap(({ at, isPublic }) => (isPublic ? [] : [at.file]));
  return [...new Set([...(fluentBit?.files ?? []), ...environmentFiles])];
}

/** Inputs may share an output, a token or a state folder: each finding is shown once. */
function withoutRepetitions(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}
