/** Plays the IONOS Activity Log API, https://api.ionos.com/docs/activitylog/v1. */

import { type Answer, jsonAnswer } from './answer.ts';
import { hitsOf, pageOf } from './ionos-page.ts';
import { readPageQuery } from './ionos-query.ts';
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
    return record.contract === undefined ? this.#contracts() : this.#page(record, record.contract, intruder);
  }

  #knows(authorization: string | undefined): boolean {
    const { token, basic } = this.#options;
    if (token !== null && authorization === `Bearer ${token}`) return true;
    if (basic === null) return false;
    return authorization === `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
  }

  #contracts(): Answer {
    const list = this.#store.contracts.map(
      (number) =>
        `{"id":${number},"type":"contracts","href":"https://api.ionos.com/activitylog/v1/contracts/${number}"}`,
    );
    const array = `[${list.join(',')}]`;
    return jsonAnswer(200, this.#options.contractsShape === 'array' ? array : `{"items":${array}}`);
  }

  #page(record: RequestRecord, contract: string, intruder: Buffer | undefined): Answer {
    if (this.#options.forbiddenContracts.includes(contract)) {
      return ionosError(403, 'You do not have the privilege to access the activity log');
    }
    const log = this.#store.log(contract);
    if (log === undefined) return ionosError(404, 'Resource does not exist');
    const query = readPageQuery(record.query, this.#options);
    if (typeof query === 'string') return ionosError(400, query);

    const window = log.window(query.start, query.end, this.#options.now());
    const range = { from: query.offset, to: query.offset + query.limit };
    const hits = hitsOf(window, range, this.#options, this.#pages++).map((event) => event.bytes);
    if (intruder !== undefined) hits.splice(hits.length >> 1, 1, intruder);
    return jsonAnswer(200, pageOf(hits, window.length, this.#options));
  }
}

export function ionosError(status: number, message: string, headers: Record<string, string> = {}): Answer {
  const messages = [{ errorCode: `sandbox-${status}`, message }];
  return jsonAnswer(status, JSON.stringify({ httpStatus: status, messages }), headers);
}
