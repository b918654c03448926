/** Medians, ratios, and tables that a README can take as they are. */

export type Row = readonly string[];

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** In Markdown: the first column is text, the others are figures. */
export function table(head: Row, rows: readonly Row[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), 3));
  const line = (row: Row) =>
    `| ${widths.map((width, at) => (at === 0 ? (row[at] ?? '').padEnd(width) : (row[at] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(0)} ms`;
}

export function megabytes(bytes: number): string {
  return bytes === 0 ? '?' : `${(bytes / 1e6).toFixed(0)} MB`;
}

/** Three digits say enough. */
export function ratio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value >= 0.095 ? 2 : 3) : '–';
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
