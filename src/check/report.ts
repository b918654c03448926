import type { Finding, Level } from './finding.ts';

const SYMBOLS: Readonly<Record<Level, string>> = { ok: '✓', warning: '!', error: '✗' };
/** ECMA-48's foreground colours: green, yellow, red. */
const COLOURS: Readonly<Record<Level, number>> = { ok: 32, warning: 33, error: 31 };
/** A shorter secret is part of many other words: it is redacted only where it stands alone. */
const MIN_SECRET_LENGTH = 6;

export interface ReportOptions {
  readonly colours: boolean;
  /** Texts that must never appear, such as the token. */
  readonly secrets: readonly string[];
}

/** For people: one line for each finding, and one that counts them. */
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

/** For programs: one JSON document. */
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

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

/** Without secrets, and without control characters: text of a file or a server must not reach the terminal as it is. */
function hider(secrets: readonly string[]): (text: string) => string {
  // The longest first: one secret may be part of another.
  const patterns = [...new Set(secrets)]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .map((secret) => {
      const literal = secret.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
      return new RegExp(secret.length < MIN_SECRET_LENGTH ? `(?<![\\w-])${literal}(?![\\w-])` : literal, 'g');
    });
  return (text) =>
    patterns
      .reduce((shown, pattern) => shown.replaceAll(pattern, '[redacted]'), text)
      .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
