/** A provider that is not there: all that one is, in one file. Its API numbers its records and is asked by number. */

import { formatSecond, parseInstant } from '../../src/lib/duration.ts';
import { EventReader, type EventSlice } from '../../src/events/event.ts';
import { readPage } from '../../src/events/read-page.ts';
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
  tokenPlace: 'its control panel',
  hasContracts: false,
  environment: { apiUrl: 'THIRD_API_URL', tokens: ['THIRD_API_TOKEN'] },
  fields: { time: ['at'], event_type: ['what'] },
  stubFields: [['no'], ['at'], ['what']],
  csvColumns: { time: ['at'], action: ['what'] },
  create: (context) => new Third(context),
};

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
  return readPage(json, (reader) => {
    if (reader.type() !== 'object') reader.refuse('it is not an object');
    const events = new EventReader({ id: ['no'], time: ['at'] });
    const result: EventSlice[] = [];
    for (let more = reader.enterObject(); more; more = reader.nextMember()) result.push(...events.readList(reader));
    return result;
  });
}
