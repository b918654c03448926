/**
 * The floor: what it costs a Node program to fetch the same pages with undici and to write their bytes to stdout. It
 * knows where the events begin, remembers nothing and checks nothing. Built into one file as the collector is.
 */

import { Agent, request } from 'undici';

const PAGE_SIZE = 1_000;
const AT_ONCE = 4;

const { IONOS_API_URL = '', IONOS_API_TOKEN = '', BENCH_FROM = '' } = process.env;
const dispatcher = new Agent({ connections: AT_ONCE });

async function get(path: string): Promise<Buffer> {
  const headers = { authorization: `Bearer ${IONOS_API_TOKEN}` };
  const { body } = await request(`${IONOS_API_URL}/activitylog/v1${path}`, { dispatcher, headers });
  return Buffer.from(await body.arrayBuffer());
}

async function printContract(id: number): Promise<void> {
  const until = new Date().toISOString().replace(/\.\d+/, '');
  for (let offset = 0, total = 1; offset < total; offset += PAGE_SIZE) {
    const page = await get(
      `/contracts/${id}?dateStart=${BENCH_FROM}&dateEnd=${until}&limit=${PAGE_SIZE}&offset=${offset}`,
    );
    total = Number(/"total":(\d+)/.exec(page.toString('latin1', 0, 100))?.[1]);
    await new Promise((resolve) => process.stdout.write(page, resolve));
  }
}

async function main(): Promise<void> {
  const contracts = JSON.parse((await get('/contracts')).toString()) as { id: number }[];
  const queue = contracts.values();
  const worker = async () => {
    for (const { id } of queue) await printContract(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await dispatcher.close();
}

void main();
