/** Plays the IONOS Activity Log API, https://api.ionos.com/docs/activitylog/v1. */

import { type Answer, jsonAnswer } from './answer.ts';
import { hitsOf, pageOf } from './ionos-page.ts';
import { readPageQuery, refusedRange } from './ionos-query.ts';
import type { IonosStore } from './ionos-store.ts';
import type { SandboxOptions } from './options.ts';
import type { RequestRecord } from './request-record.ts';

export class IonosApi {
  readonly #store: IonosStore;
  readonly #options: SandboxOptions;
  #pages = 0;

  constructor(store: IonosStore, options: SandboxOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** `intruder` takes the place of the page's middle event. */
  answer(record: RequestRecord, intruder?: Buffer): Answer {
    if (record.method !== 'GET') return ionosError(405, 'Method not allowed', { allow: 'GET' });
    if (record.kind === 'other') return ionosError(404, 'Resource does not exist');
    if (!this.#knows(record.headers['authorization'])) return ionosError(401, 'Unauthorized');
    return record.contract === undefined ? this.#contracts(record) : this.#page(record, record.contract, intruder);
  }

  #knows(authorization: string | undefined): boolean {
    const { token, basic } = this.#options;
    if (token !== null && authorization === `Bearer ${token}`) return true;
    if (basic === null) return false;
    return authorization === `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
  }

  #contracts({ headers, path, query }: RequestRecord): Answer {
    const { contractsNext, contractsPerPage } = this.#options;
    const all = this.#store.contracts;
    const offset = Number(query['offset'] ?? 0);
    const end = offset + (contractsPerPage ?? all.length);
    const list = all
      .slice(offset, end)
      .map(
        (number) =>
          `{"id":${number},"type":"contracts","href":"https://api.ionos.com/activitylog/v1/contracts/${number}"}`,
      );
    const array = `[${list.join(',')}]`;
    if (contractsPerPage !== null) {
      const origin = contractsNext === 'foreign' ? 'http://elsewhere.example' : `http://${headers['host'] ?? ''}`;
      const next = end < all.length ? `"next":"${origin}${path}?offset=${end}&limit=${contractsPerPage}"` : '';
      const more = {
        _links: `"_links":{${next}}`,
        foreign: `"_links":{${next}}`,
        offset: `"offset":${offset},"limit":${contractsPerPage}`,
        total: `"total":${all.length}`,
      }[contractsNext];
      return jsonAnswer(200, `{"items":${array},${more}}`);
    }
    return jsonAnswer(200, this.#options.contractsShape === 'array' ? array : `{"items":${array}}`);
  }

  #page(record: RequestRecord, contract: string, intruder: Buffer | undefined): Answer {
    if (this.#options.forbiddenContracts.includes(contract)) {
      return ionosError(403, 'You do not have the privilege to access the activity log');
    }
    if (this.#options.unauthorizedContracts.includes(contract)) return ionosError(401, 'Unauthorized');
    const log = this.#store.log(contract);
    if (log === undefined) return ionosError(404, 'Resource does not exist');
    const query = readPageQuery(record.query, this.#options);
    if (typeof query === 'string') return ionosError(400, query);

    const refusal = refusedRange(query, this.#options);
    if (refusal !== undefined) return ionosError(400, refusal);
    const window = log.window(query.start, query.end, this.#options.now());
    const range = { from: query.offset, to: query.offset + query.limit };
    const [from, to] = this.#options.filtered ?? [0, 0];
    const hits = hitsOf(window, range, this.#options, this.#pages++)
      .filter((_, index) => query.offset + index < from || query.offset + index >= to)
      .map((event) => event.bytes);
    if (this.#options.incomplete !== 'no') hits.length = hits.length >> 1;
    if (intruder !== undefined) hits.splice(hits.length >> 1, 1, intruder);
    return jsonAnswer(200, pageOf(hits, window.length, this.#options));
  }
}

export function ionosError(status: number, message: string, headers: Record<string, string> = {}): Answer {
  const messages = [{ errorCode: `sandbox-${status}`, message }];
  return jsonAnswer(status, JSON.stringify({ httpStatus: status, messages }), headers);
}
