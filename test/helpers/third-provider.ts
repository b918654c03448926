/** A provider that is not there: all that one is, in one file. Its API numbers its records and is asked by number. */

import { formatSecond, parseInstant } from '../../src/lib/duration.ts';
import { PageError } from '../../src/lib/errors.ts';
import { EventReader, type EventSlice } from '../../src/events/event.ts';
import { typeAt, walkObject } from '../../src/events/json-values.ts';
import { asPage, readEvents } from '../../src/providers/page-scan.ts';
import type {
  Checkpoint,
  Page,
  Provider,
  ProviderContext,
  ProviderDefinition,
  Source,
} from '../../src/providers/provider.ts';

export const third: ProviderDefinition = {
  name: 'third',
  defaultApiUrl: 'https://audit.example.com',
  apiPath: '/api',
  defaultStateFile: '/var/lib/fluent-bit/third_log_state.json',
  hasContracts: false,
  environment: { apiUrl: 'THIRD_API_URL', tokens: ['THIRD_API_TOKEN'] },
  fields: { time: ['at'], event_type: ['what'] },
  stubFields: [['no'], ['at'], ['what']],
  csvColumns: { time: ['at'], action: ['what'] },
  create: (context) => new Third(context),
};

const reader = new EventReader({ id: ['no'], time: ['at'] });

class Third implements Provider {
  readonly #context: ProviderContext;

  constructor(context: ProviderContext) {
    this.#context = context;
  }

  sources(): Promise<Source[]> {
    return Promise.resolve(['east', 'west'].map((id) => ({ id, name: `third/${id}` })));
  }

  async *pages(source: Source, { cursor }: Checkpoint, signal: AbortSignal): AsyncGenerator<Page> {
    const { api, pageSize } = this.#context;
    const since = parseInstant(cursor);
    for (let after = since === undefined ? Number(cursor) : 0; ;) {
      const url = api.url(`/records/${source.id}`);
      url.searchParams.set('after', String(after));
      url.searchParams.set('most', String(pageSize));
      if (since !== undefined) url.searchParams.set('since', formatSecond(since / 1000));
      const events = await api.get(url, scanRecords, signal);
      if (events.length === 0) return;
      after += events.length;
      yield { events, cursor: String(after) };
    }
  }
}

function scanRecords(json: Buffer): EventSlice[] {
  return asPage(json, (start) => {
    const result: EventSlice[] = [];
    if (typeAt(json, start) !== 'object') throw new PageError('it is not an object');
    const end = walkObject(json, start, (_from, _to, value) => readEvents(json, value, reader, result));
    return { end, result };
  });
}
