import { COMMANDS, GENERAL, NAME, commandNamed, type Command } from './commands.ts';
import { GROUPS, POLL, meaningOf, type Option } from './options.ts';
import { variableOf } from './settings.ts';
import { TOPICS } from './topics.ts';
import type { Topic } from './troubleshooting.ts';

/** Wider lines are hard to read. */
const MAX_WIDTH = 100;
const MIN_WIDTH = 40;
/** Below this width, a description goes under its option instead of beside it. */
const BESIDE_FROM = 60;
const INDENT = '  ';
/** The commands whose first example is shown in the program's help. */
const FIRST_STEPS = ['collect', 'follow', 'export', 'status', 'check'];

const TIME_FORMS = 'T is a date (2026-10-01, UTC), a time (2026-10-01T12:00:00Z) or a duration ago. ';
const DURATION_FORMS = 'D is a duration: 90s, 5m, 24h, 7d, or plain seconds.';

/** The help of a command, or of the whole program, laid out for a terminal of this width. */
export function renderHelp(command: Command | undefined, columns: number): string {
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, columns));
  const blocks = command === undefined ? programHelp(width) : commandHelp(command, width);
  return `${blocks.join('\n\n')}\n`;
}

/** A topic, laid out for a terminal of this width. */
export function renderTopic({ title, blocks }: Topic, columns: number): string {
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, columns));
  const texts = blocks.map((block) => {
    if (typeof block === 'string') return fill(block, width);
    return block
      .flatMap(([term, meaning]) => [term, ...wrap(meaning, width - 4).map((line) => `    ${line}`)])
      .join('\n');
  });
  return `${[title, ...texts].join('\n\n')}\n`;
}

function programHelp(width: number): string[] {
  const commands = COMMANDS.map((command): Row => [commandLabel(command), command.describe]);
  const labelWidth = Math.max(...[...commands, ...generalRows()].map(([label]) => label.length));
  return [
    fill(`Usage: ${NAME} [command] [options]`, width),
    fill('Collects cloud audit logs: one JSON event per line, byte for byte, none lost.', width),
    section('Commands', commands, width, labelWidth),
    section('Options', generalRows(), width, labelWidth),
    examples(
      FIRST_STEPS.flatMap((name) => commandNamed(name)?.examples.slice(0, 1) ?? []),
      width,
    ),
    fill(`${NAME} COMMAND --help lists the options of a command. ${NAME} help TOPIC explains:`, width),
    fill(TOPICS.map(({ name }) => name).join(', '), width),
  ];
}

function commandLabel({ name, argument }: Command): string {
  if (argument === undefined) return name;
  return `${name} ${argument.isRequired ? argument.name : `[${argument.name}]`}`;
}

function commandHelp(command: Command, width: number): string[] {
  const options = Object.entries(command.options);
  const required = options
    .filter(([, option]) => option.isRequired)
    .map(([name, { value = '' }]) => `--${name} ${value}`);
  const groups = GROUPS.flatMap((group) => {
    const rows = options
      .filter(([, option]) => option.group === group)
      .map(([name, option]) => optionRow(name, option));
    return rows.length === 0 ? [] : [section(group, rows, width)];
  });
  const usage = [commandLabel(command), ...required, '[options]'].join(' ');
  const notes = [...(command.notes ?? []), ...formsAndVariables(command)];
  return [
    fill(`Usage: ${NAME} ${usage}`, width),
    fill(`${command.describe}.`, width),
    ...groups,
    section('General', generalRows(), width),
    examples(command.examples, width),
    ...notes.map((note) => fill(note, width)),
  ];
}

/** How values are written, and which options have an environment variable. */
function formsAndVariables({ options }: Command): string[] {
  const all = Object.entries(options).filter(([, { value }]) => value !== undefined);
  const hasTimes = all.some(([, { value }]) => value === 'T');
  const forms =
    hasTimes || all.some(([, { value }]) => value === 'D') ? [`${hasTimes ? TIME_FORMS : ''}${DURATION_FORMS}`] : [];
  const without = all.flatMap(([name, { isOptionOnly }]) => (isOptionOnly === true ? [`--${name}`] : []));
  if (without.length === all.length) return forms;
  const exceptions = without.length === 0 ? '' : `, except ${new Intl.ListFormat('en-GB').format(without)}`;
  const variables =
    `Options with a value can also be set by an environment variable${exceptions}, such as ` +
    `${variableOf('log-level')} for --log-level.`;
  return [...forms, variables];
}

type Row = readonly [label: string, text: string];

function generalRows(): Row[] {
  return Object.entries(GENERAL).map(([name, { short, describe }]) => [`-${short}, --${name}`, describe]);
}

function optionRow(name: string, option: Option): Row {
  const { short, value } = option;
  const letter = short === undefined ? '    ' : `-${short}, `;
  return [`${letter}--${name}${value === undefined ? '' : ` ${value}`}`, meaningOf(option)];
}

/** The labels of all options have one width, so that the groups line up. */
const LABEL_WIDTH = Math.max(...Object.entries(POLL).map(([name, option]) => optionRow(name, option)[0].length));

function section(title: string, rows: readonly Row[], width: number, labelWidth = LABEL_WIDTH): string {
  const isBeside = width >= BESIDE_FROM;
  const margin = isBeside ? INDENT.length + labelWidth + 2 : 8;
  const lines = rows.flatMap(([label, text]) => {
    const wrapped = wrap(text, width - margin).map((line) => ' '.repeat(margin) + line);
    const head = INDENT + label;
    if (!isBeside || head.length + 2 > margin) return [head, ...wrapped];
    return [head.padEnd(margin) + (wrapped[0] ?? '').slice(margin), ...wrapped.slice(1)];
  });
  return [`${title}:`, ...lines].join('\n');
}

/** A call is never wrapped, so that it can be copied; its meaning is above it. */
function examples(all: Command['examples'], width: number): string {
  const lines = all.flatMap(([call, meaning]) => [
    ...wrap(`# ${meaning}`, width - INDENT.length).map((line) => INDENT + line),
    `${INDENT}${call.replaceAll('$0', NAME)}`,
  ]);
  return ['Examples:', ...lines].join('\n');
}

function fill(text: string, width: number): string {
  return wrap(text, width).join('\n');
}

/** Lines of at most `width` characters, broken between words; a longer word gets its own line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
