import { oneLine } from '../lib/one-line.ts';
import { redact } from '../lib/secrets.ts';
import { counted } from '../lib/words.ts';
import type { Finding, Level } from './finding.ts';

const SYMBOLS: Readonly<Record<Level, string>> = { ok: '✓', warning: '!', error: '✗' };
/** ECMA-48's foreground colours: green, yellow, red. */
const COLOURS: Readonly<Record<Level, number>> = { ok: 32, warning: 33, error: 31 };

interface ReportOptions {
  readonly colours: boolean;
  /** Texts that must never appear, such as the token. */
  readonly secrets: readonly string[];
}

/** The report for people: one line for each finding, and one that counts them. */
export function renderText(findings: readonly Finding[], { colours, secrets }: ReportOptions): string {
  const hide = hider(secrets);
  const lines = findings.map((finding) => {
    const symbol = SYMBOLS[finding.level];
    const coloured = colours ? `\u001b[${COLOURS[finding.level]}m${symbol}\u001b[0m` : symbol;
    return `${coloured} ${hide(sentence(finding))}\n`;
  });
  const { errors, warnings } = countLevels(findings);
  return `${lines.join('')}${counted(errors, 'error')}, ${counted(warnings, 'warning')}\n`;
}

/** The report for programs: one JSON document. */
export function renderJson(findings: readonly Finding[], { secrets }: Pick<ReportOptions, 'secrets'>): string {
  const hide = hider(secrets);
  const document = { ...countLevels(findings), findings };
  return `${JSON.stringify(document, (_, value: unknown) => (typeof value === 'string' ? hide(value) : value), 2)}\n`;
}

export function countLevels(findings: readonly Finding[]): { readonly errors: number; readonly warnings: number } {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  return { errors: count('error'), warnings: count('warning') };
}

function sentence({ file, line, message, impact, fix, command }: Finding): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
  return [
    `${place}${message}${impact === undefined ? '' : `: ${impact}`}`,
    ...(fix === undefined ? [] : [`Fix: ${fix}`]),
    ...(command === undefined ? [] : [`Run: ${command}`]),
  ].join('. ');
}

/** Redacts secrets and escapes control characters: the text may come from a file or a server. */
function hider(secrets: readonly string[]): (text: string) => string {
  return (text) => oneLine(redact(text, secrets));
}
