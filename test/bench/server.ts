/**
 * The sandbox in a cheap form and a process of its own, started by `world.ts`: the IONOS API with prepared pages.
 * Ends with the process that started it.
 */

import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, jsonAnswer } from '../sandbox/answer.ts';
import { ionosError } from '../sandbox/ionos-api.ts';
import { readPageQuery } from '../sandbox/ionos-query.ts';
import { withDefaults } from '../sandbox/options.ts';
import { recordOf } from '../sandbox/request-record.ts';
import { PreparedPages } from './prepared-pages.ts';
import { contractNumber, type Requests, type WorldSettings } from './world.ts';

const { contracts, sizeBytes, from, stepMs, latencyMs } = JSON.parse(process.argv[2] ?? '') as WorldSettings;
const limits = withDefaults({});
const prepared = new PreparedPages(sizeBytes, { from, stepMs });
const numbers = new Map(contracts.map((events, index) => [contractNumber(index), { index, events }]));
const list = JSON.stringify([...numbers.keys()].map((id) => ({ id: Number(id), type: 'contracts' })));
let requests: Requests = { lists: 0, pages: 0 };

const server = createServer((request, response) => {
  request.resume();
  void sleep(latencyMs).then(() => {
    const { status, headers, body } = answer(request);
    response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
// Any message asks how many requests there were since the last one.
process.on('message', () => {
  process.send?.(requests);
  requests = { lists: 0, pages: 0 };
});
process.on('disconnect', () => process.exit());

function answer(request: IncomingMessage): Answer {
  const { kind, contract, query } = recordOf(request, 0);
  if (kind === 'contracts') {
    requests.lists++;
    return jsonAnswer(200, list);
  }
  const found = numbers.get(contract ?? '');
  if (found === undefined) return ionosError(404, 'Resource does not exist');
  requests.pages++;
  const span = readPageQuery(query, limits);
  return typeof span === 'string'
    ? ionosError(400, span)
    : jsonAnswer(200, prepared.page(found.index, found.events, span));
}
