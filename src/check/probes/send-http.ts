import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { gzipSync } from 'node:zlib';
import { valueOf, type Section } from '../fluent-bit-config/model.ts';
import { pluginOf } from '../facts/routes.ts';
import { headersOf, type Address } from './send-settings.ts';

const MAX_ANSWER_BYTES = 10_000;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends one record as the `http` or `loki` output would. Throws when there is no answer. */
export function sendByHttp(
  output: Section,
  { host, port, tls }: Address,
  record: Readonly<Record<string, unknown>>,
  now: number,
  signal: AbortSignal,
): Promise<Answer> {
  const isLoki = pluginOf(output) === 'loki';
  const text = JSON.stringify(isLoki ? lokiPush(output, record, now) : [{ date: now / 1000, ...record }]);
  const isCompressed = valueOf(output, 'compress')?.toLowerCase() === 'gzip';
  const body = isCompressed ? gzipSync(text) : Buffer.from(text);
  const options = {
    ...tls,
    host,
    port,
    path: valueOf(output, 'uri') ?? (isLoki ? '/loki/api/v1/push' : '/'),
    method: 'POST',
    signal,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ...(isCompressed ? { 'Content-Encoding': 'gzip' } : {}),
      ...headersOf(output),
    },
  };
  return new Promise((resolve, reject) => {
    const request = (tls === undefined ? requestPlain : requestTls)(options, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (answer = (answer + part).slice(0, MAX_ANSWER_BYTES)));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: answer }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Labels that Fluent Bit takes from a record (`$key`) are left out: this record has none of these keys. */
function lokiPush(output: Section, record: Readonly<Record<string, unknown>>, now: number): object {
  const pairs = (valueOf(output, 'labels') ?? '').split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  const labels = pairs.flatMap(([name = '', value = '']) =>
    name === '' || value === '' || value.startsWith('$') ? [] : [[name, value] as const],
  );
  const stream: Record<string, string> = { job: 'fluent-bit', ...Object.fromEntries(labels) };
  return { streams: [{ stream, values: [[`${BigInt(now) * 1_000_000n}`, JSON.stringify(record)]] }] };
}
