import { COMMANDS, GENERAL, NAME, type Command } from './commands.ts';
import { meaningOf, type Option } from './options.ts';
import { VERSION } from '../lib/version.ts';
import { TOPICS } from './topics.ts';
import type { Topic } from './troubleshooting.ts';

/** The manual page, man(7), made at build from the table of commands and the topics. */
export function manPage(): string {
  return [
    `.TH ${NAME.toUpperCase()} 1 "" "${NAME} ${VERSION}"`,
    '.SH NAME',
    `${escape(NAME)} \\- collect cloud audit logs, one JSON event per line`,
    '.SH SYNOPSIS',
    `.B ${escape(NAME)}`,
    '[\\fIcommand\\fR] [\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    'Collects the audit logs of IONOS CLOUD and cloudscale.ch for the exec input of Fluent Bit.',
    'It never loses or alters an event. After a crash it may print one twice.',
    '.SH COMMANDS',
    ...COMMANDS.flatMap(commandSection),
    '.SH GENERAL OPTIONS',
    ...Object.entries(GENERAL).flatMap(([name, option]) => optionItem(name, option)),
    ...TOPICS.flatMap(topicSection),
    '',
  ].join('\n');
}

function commandSection({ name, argument, describe, options, examples, notes = [] }: Command): string[] {
  const title = argument === undefined ? name : `${name} ${argument.name}`;
  return [
    `.SS "${escape(title)}"`,
    `${escape(describe)}.`,
    ...Object.entries(options).flatMap(([option, one]) => optionItem(option, one)),
    ...notes.flatMap((note) => ['.PP', escape(note)]),
    ...examples.flatMap(([call, meaning]) => [
      '.PP',
      `${escape(meaning)}:`,
      '.br',
      `\\fB${escape(call.replaceAll('$0', NAME))}\\fR`,
    ]),
  ];
}

function optionItem(name: string, option: Omit<Option, 'group'>): string[] {
  const { short, value } = option;
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
  return [
    '.TP',
    `\\fB${escape(names)}\\fR${value === undefined ? '' : ` \\fI${escape(value)}\\fR`}`,
    escape(meaningOf(option)),
  ];
}

function topicSection({ title, blocks }: Topic): string[] {
  return [
    `.SH ${escape(title.toUpperCase())}`,
    ...blocks.flatMap((block) =>
      typeof block === 'string'
        ? ['.PP', escape(block)]
        : block.flatMap(([term, meaning]) => ['.TP', `\\fB${escape(term)}\\fR`, escape(meaning)]),
    ),
  ];
}

/** Escapes text for roff: no escapes, no requests, hyphens that can be copied. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}
