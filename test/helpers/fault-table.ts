/** Every way in which an answer of the API can go wrong, and what the collector makes of it. */

import { type Fault, gatewayPage, retryLater } from '../sandbox/server.ts';

export interface FaultRow {
  readonly name: string;
  readonly fault: Fault;
  /**
   * `retried`: the same request is made again, and one that goes well is enough. `refused`: taken for a word on limit
   * or offset, so the request is made again with a smaller one. `final`: the contract is left to the next run.
   */
  readonly answer: 'retried' | 'refused' | 'final';
}

const RETRIED_STATUSES = [408, 429, 500, 502, 503, 504];
const REFUSALS = [400, 413, 414, 416, 422];
const FINAL_STATUSES = [402, 403, 404, 405, 406, 407, 409, 410, 412, 415, 418, 421, 423, 428, 431, 451, 501, 505];

function status(answer: FaultRow['answer']): (code: number) => FaultRow {
  return (code) => ({ name: `status ${code}`, fault: { type: 'status', status: code }, answer });
}

export const STATUSES: readonly FaultRow[] = [
  ...RETRIED_STATUSES.map(status('retried')),
  ...REFUSALS.map(status('refused')),
  ...FINAL_STATUSES.map(status('final')),
  { name: '502 with a page for people', fault: gatewayPage(502), answer: 'retried' },
  { name: '504 with a page for people', fault: gatewayPage(504), answer: 'retried' },
  { name: '429 with Retry-After in seconds', fault: retryLater(429, 1), answer: 'retried' },
  { name: '503 with Retry-After as a date', fault: retryLater(503, new Date(0)), answer: 'retried' },
  { name: '204 without a body', fault: { type: 'status', status: 204, body: '' }, answer: 'retried' },
  { name: '304 without a body', fault: { type: 'status', status: 304, body: '' }, answer: 'final' },
];

const CUTS: readonly FaultRow[] = [
  { name: 'connection reset', fault: { type: 'reset' }, answer: 'retried' },
  { name: 'connection reset in the body', fault: { type: 'reset-body' }, answer: 'retried' },
  { name: 'connection reset after the head', fault: { type: 'reset-body', afterBytes: 0 }, answer: 'retried' },
  { name: 'body cut in the middle', fault: { type: 'cut' }, answer: 'retried' },
  { name: 'body cut before its first byte', fault: { type: 'cut', afterBytes: 0 }, answer: 'retried' },
  { name: 'body cut before its last byte', fault: { type: 'cut', afterBytes: Infinity }, answer: 'retried' },
  ...(['length', 'chunked', 'close'] as const).map((framing): FaultRow => ({
    name: `body that ends early, framed by ${framing}`,
    fault: { type: 'truncate', framing },
    answer: 'retried',
  })),
  { name: 'all but the last byte', fault: { type: 'truncate', afterBytes: Infinity }, answer: 'retried' },
  { name: 'nothing at all', fault: { type: 'truncate', afterBytes: 0 }, answer: 'retried' },
  { name: 'damaged gzip', fault: { type: 'corrupt-gzip' }, answer: 'retried' },
];

const OTHER_BODIES: readonly (readonly [name: string, body: string | Buffer])[] = [
  ['an empty body', ''],
  ['white space', ' \r\n\t '],
  ['a page for people', '<!doctype html>\n<title>Sign in</title>\n<p>Please sign in.</p>\n'],
  ['an object of another shape', '{"message":"all is well"}'],
  ['hits without hits', '{"hits":{}}'],
  ['hits with a total only', '{"hits":{"total":10}}'],
  ['hits as a number', '{"hits":10}'],
  ['hits.hits as an object', '{"hits":{"total":10,"hits":{}}}'],
  ['null', 'null'],
  ['a number', '42'],
  ['a string', '"hits"'],
  ['two documents', '{"hits":{"total":0,"hits":[]}}{"hits":{"total":0,"hits":[]}}'],
  ['a list with a comma too many', '{"hits":{"total":0,"hits":[,]}}'],
  ['JSON in UTF-16', Buffer.from('{"hits":{"total":0,"hits":[]}}', 'utf16le')],
  ['zeros', Buffer.alloc(64)],
];

export const BODIES: readonly FaultRow[] = OTHER_BODIES.map(([name, body]) => ({
  name,
  fault: { type: 'body', body },
  answer: 'retried',
}));

/** Pages only: a list of contracts has no events. */
export const BAD_EVENTS: readonly FaultRow[] = [
  '42',
  'null',
  'true',
  '"text"',
  '[]',
  '[{}]',
  '{"a":}',
  '{"a":01}',
  '{"a":"\\x"}',
  '{"a":"\u0001"}',
  '{"a":1,}',
  '{a:1}',
  '{"a":NaN}',
  '{"a":1',
  '',
].map((raw) => ({ name: `${JSON.stringify(raw)} as an event`, fault: { type: 'bad-event', raw }, answer: 'retried' }));

/** To be played with a short time limit. */
export const SILENCES: readonly FaultRow[] = [
  { name: 'no answer', fault: { type: 'hang' }, answer: 'retried' },
  { name: 'silence after the head', fault: { type: 'hang-body', afterBytes: 0 }, answer: 'retried' },
  { name: 'silence in the body', fault: { type: 'hang-body' }, answer: 'retried' },
  { name: 'silence before the last byte', fault: { type: 'hang-body', afterBytes: Infinity }, answer: 'retried' },
  { name: 'ten bytes a second', fault: { type: 'trickle', bytesPerSecond: 10 }, answer: 'retried' },
];

export const BROKEN_BODIES: readonly FaultRow[] = [...CUTS, ...BODIES];

export const OVERSIZED: readonly FaultRow[] = [
  { name: '65 MiB announced', fault: { type: 'oversized', mebibytes: 65, announced: true }, answer: 'final' },
  { name: '65 MiB without notice', fault: { type: 'oversized', mebibytes: 65 }, answer: 'final' },
  { name: '65 MiB out of a little gzip', fault: { type: 'oversized', mebibytes: 65, gzip: true }, answer: 'final' },
];

/** Redirects; `elsewhere` is another origin, which must never be asked. */
export function redirects(elsewhere: string): readonly FaultRow[] {
  const withCredentials = elsewhere.replace('//', '//user:password@');
  return [
    ...([301, 302, 303, 307, 308] as const).map((code): FaultRow => ({
      name: `${code} to another origin`,
      fault: { type: 'redirect', status: code, location: ({ url }) => elsewhere + url },
      answer: 'final',
    })),
    { name: 'a redirect with credentials', fault: { type: 'redirect', location: withCredentials }, answer: 'final' },
    { name: 'a redirect to no URL', fault: { type: 'redirect', location: 'http://[' }, answer: 'final' },
    { name: 'a redirect to a file', fault: { type: 'redirect', location: 'file:///etc/passwd' }, answer: 'final' },
    { name: 'a redirect to an unknown path', fault: { type: 'redirect', location: '/nowhere' }, answer: 'final' },
    // Followed, and the second time it is the page.
    { name: 'a redirect to itself', fault: { type: 'redirect', location: ({ url }) => url }, answer: 'retried' },
  ];
}
