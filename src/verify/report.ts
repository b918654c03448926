import { counted } from '../lib/words.ts';
import type { ArrivedReport } from './arrived.ts';
import type { ChainReport } from './chain.ts';

const MEANINGS = {
  missing: 'at the API, not delivered',
  twice: 'delivered twice',
  gone: 'delivered, no longer at the API',
  'not arrived': 'delivered, not in the copy',
  'set aside': 'not in the copy: Fluent Bit refused them, or they are not events; they are in rejected.jsonl',
  'arrived twice': 'more often in the copy than delivered',
} as const;

/** An event that is missing, or there too often. */
export interface Finding {
  readonly kind: keyof typeof MEANINGS;
  readonly source: string;
  readonly id: string;
  readonly time: string;
  type?: string;
}

/** What `verify --json` prints. */
export interface VerifyReport {
  readonly range: { readonly from: string; readonly to: string };
  /** Since when the journal has events of any source; null when it knows none. */
  readonly begins: string | null;
  readonly chain: ChainReport;
  readonly compared: readonly {
    readonly source: string;
    readonly from: string;
    readonly to: string;
    readonly events: number;
    readonly read: readonly { readonly from: string; readonly to: string }[];
  }[];
  readonly copy: ArrivedReport | undefined;
  readonly findings: readonly Finding[];
  readonly errors: readonly string[];
}

/** The report for people: short when all is well, exact when it is not. */
export function renderReport({ begins, chain, compared, copy, errors, findings, range }: VerifyReport): string {
  const events = compared.reduce((sum, one) => sum + one.events, 0);
  const lines: string[] = [];
  if (chain.first !== undefined && chain.first.seq > 1) {
    lines.push(
      `The journal starts with commit ${chain.first.seq} (${chain.first.at}): what was before cannot be compared.`,
    );
  }
  for (const problem of chain.problems) lines.push(`✗ journal: ${problem}`);
  for (const error of errors) lines.push(`✗ not compared: ${error}`);
  for (const [kind, meaning] of Object.entries(MEANINGS)) {
    const found = findings.filter((one) => one.kind === kind);
    if (found.length === 0) continue;
    lines.push(`✗ ${counted(found.length, 'event')} ${meaning}:`);
    for (const { source, id, time, type } of found)
      lines.push(`  ${[time, id, type, source].filter(Boolean).join('  ')}`);
  }
  if (copy !== undefined && copy.without > 0) {
    lines.push(
      `${counted(copy.without, 'line')} of the copy without an id, the first is line ${String(copy.first_without)}.`,
    );
  }
  if (copy?.cut_off !== undefined) lines.push(`✗ the copy ends in the middle of line ${copy.cut_off}: it is cut off`);
  if (compared.length === 0 && errors.length > 0) {
    const chained = chain.problems.length > 0 ? '' : ` The journal is whole: ${counted(chain.lines, 'commit')}.`;
    lines.push(`Nothing could be compared.${chained}`);
  } else if (compared.length === 0 && begins === null) {
    lines.push('Nothing could be compared: the state has none of the sources that the token sees.');
  } else if (compared.length === 0 && range.to <= (begins ?? '')) {
    lines.push(`Nothing could be compared: the journal begins at ${begins ?? ''}, after this range.`);
  } else if (compared.length === 0)
    lines.push('Nothing could be compared yet: no source is past its overlap in this range.');
  else {
    const whole = findings.length + chain.problems.length + errors.length === 0 && copy?.cut_off === undefined;
    const copied = copy === undefined ? '' : `, and ${counted(copy.lines, 'line')} of the copy`;
    const spans = [...new Set(compared.map(({ from, to }) => `${from} and ${to}`))];
    lines.push(
      `${whole ? '✓ whole: ' : ''}${counted(events, 'event')} of ${counted(compared.length, 'source')}` +
        `${spans.length === 1 ? ` between ${spans.join()}` : ''}${copied}; ${counted(chain.lines, 'commit')}`,
    );
    if (spans.length > 1) {
      for (const one of compared)
        lines.push(`  ${one.source}: ${counted(one.events, 'event')} between ${one.from} and ${one.to}`);
    }
    if (compared.some(({ to }) => to < range.to)) {
      lines.push('Newer events were not compared: some may still appear within the overlap.');
    }
  }
  return `${lines.join('\n')}\n`;
}
