import { execFile } from 'node:child_process';
import type { Result } from '../../src/check/facts/machine.ts';
import { valueOf } from '../../src/check/fluent-bit-config/model.ts';
import { readFluentBitConfig, type FluentBitConfig } from './fluent-bit-config.ts';
import type { Problem, ProblemCode } from './fluent-bit-verify.ts';

/** What 5.1.1 starts in spite of (measured); an unknown plugin is none of the double's business. */
const ACCEPTED: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'alias-duplicate',
  'key-overridden',
  'match-missing',
  'parser-unknown',
  'plugin-unknown',
  'section-unknown',
  'storage-path-missing',
  'variable-unset',
]);
const TIME = '[2026/11/26 09:42:21.851]';

/**
 * `fluent-bit -c FILE --dry-run`, by the binary that FLUENT_BIT names, or else by a double that says in its words what
 * 5.1.1 says (measured).
 */
export async function fluentBitDryRun(file: string, env: NodeJS.ProcessEnv): Promise<Result> {
  const { FLUENT_BIT: binary } = process.env;
  if (binary !== undefined && binary !== '') {
    const result = await new Promise<Result>((resolve) => {
      execFile(binary, ['-c', file, '--dry-run'], { env }, (error, stdout, stderr) => {
        resolve({ exitCode: error === null ? 0 : 1, stdout, output: `${stdout}\n${stderr}` });
      });
    });
    // One that was built without some plugin, such as kafka, cannot judge it.
    if (!result.output.includes("a plugin name that doesn't exist")) return result;
  }
  const config = readFluentBitConfig(file, { env, cwd: '/' });
  const fault = config.faults.find((problem) => isFatal(problem, config));
  const said =
    fault === undefined
      ? ['configuration test is successful']
      : [...messagesOf(fault, config), `${TIME} [error] configuration file contains errors, aborting.`];
  const output = ['Fluent Bit v5.1.1', '* Copyright (C) 2015-2026 The Fluent Bit Authors', '', ...said, ''].join('\n');
  return { exitCode: fault === undefined ? 0 : 1, stdout: '', output };
}

function isFatal({ code, at }: Problem, { sections }: FluentBitConfig): boolean {
  const isSilent = !sections.some(
    ({ kind, entries }) => (kind === 'input' || kind === 'output') && entries.some((entry) => entry.at === at),
  );
  return !ACCEPTED.has(code) && !(code === 'key-unknown' && isSilent);
}

function messagesOf({ code, message, at }: Problem, { sections, parsers }: FluentBitConfig): string[] {
  const error = (text: string) => `${TIME} [error] ${text}`;
  const section = sections.find(({ entries }) => entries.some((entry) => entry.at === at));
  const plugin = (section === undefined ? undefined : valueOf(section, 'name')) ?? '';
  const key = section?.entries.find((entry) => entry.at === at)?.key ?? '';
  const [, name = ''] = /'([^']*)'/.exec(message) ?? [];
  switch (code) {
    case 'include-missing':
      if (name.includes('*')) return [`${TIME} [ warn] [read_glob] glob: [/etc/fluent-bit//${name}] no match`];
      return [error('[/src/config_format/flb_cf_fluentbit.c:458 errno=2] No such file or directory')];
    case 'include-twice':
      return [`${TIME} [ warn] [config] Read twice. path=${name}`];
    case 'parser-duplicate':
      return [error(`[parser] parser named '${name}' already exists, skip.`)];
    case 'parser-misplaced':
      return ["Sections 'multiline_parser' and 'parser' are not valid in the main configuration file."];
    case 'name-missing':
      return [error("[config] section 'input' is missing the 'name' property")];
    case 'key-repeated':
      return [error(`[config] ${plugin}: configuration property '${key}' is set 2 times`)];
    case 'key-unknown':
    case 'tag-empty':
    case 'value-empty':
      return [
        error(`[config] ${plugin}: unknown configuration property '${key}'. The following properties are allowed: x.`),
        `${TIME} [ help] try the command: fluent-bit -i ${plugin} -h`,
        error('[reload] check properties for input plugins is failed'),
      ];
    case 'parser-incomplete': {
      const parser = parsers.find((one) => one.at === at);
      const called = (parser === undefined ? undefined : valueOf(parser, 'name')) ?? '';
      return [error(`[parser] no parser 'format' found for '${called}' in file '${at.file}'`)];
    }
    default:
      return [error(`[config] error in ${at.file}:${at.line}: ${message}`)];
  }
}
