/** The projects of the sandbox: each token sees one log. */

import { Arrivals } from './arrivals.ts';
import { makeCloudscaleEntry } from './cloudscale-entries.ts';
import { CloudscaleLog } from './cloudscale-log.ts';
import type { NewEvent, StoredEvent } from './event-log.ts';
import type { GenerateRange } from './ionos-store.ts';
import type { SandboxOptions } from './options.ts';
import { createRandom, hash } from './random.ts';

export class CloudscaleStore {
  readonly #options: SandboxOptions;
  readonly #projects = new Map<string, CloudscaleLog>();
  readonly #arrivals: Arrivals;
  #arrived = 0;

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.now());
  }

  /** The project of a token; undefined for an unknown token. The token of the options has a project from the start. */
  log(token: string): CloudscaleLog | undefined {
    const { now, cloudscale } = this.#options;
    for (const time of this.#arrivals.due(now(), cloudscale.arrivalsPerSecond)) {
      const nth = this.#arrived++;
      this.#project(cloudscale.token).add(this.#make(time, hash(this.#options.seed, 'entry', nth)));
    }
    const log = token === cloudscale.token ? this.#project(token) : this.#projects.get(token);
    log?.reveal(now());
    return log;
  }

  addEntries(entries: Iterable<NewEvent>, token = this.#options.cloudscale.token): StoredEvent[] {
    const project = this.#project(token);
    return Array.from(entries, (entry) => project.add(entry));
  }

  /** Entries at random times of the range; with `lateShare`, some become visible after younger ones. */
  generate({ count, from, to }: GenerateRange, token = this.#options.cloudscale.token): StoredEvent[] {
    const { seed } = this.#options;
    const project = this.#project(token);
    const random = createRandom(hash(seed, 'entries', token, project.generated));
    const times = Array.from({ length: count }, () => Math.floor(from + random.next() * (to - from)));
    times.sort((a, b) => a - b);
    return times.map((time) => project.add(this.#make(time, hash(seed, token, project.generated++))));
  }

  #project(token: string): CloudscaleLog {
    const known = this.#projects.get(token);
    if (known !== undefined) return known;
    const log = new CloudscaleLog();
    this.#projects.set(token, log);
    return log;
  }

  #make(time: number, seed: number): NewEvent {
    const random = createRandom(seed);
    const entry = makeCloudscaleEntry(random, time);
    const { lateShare, lateMaxMs } = this.#options;
    const late = lateShare > 0 && random.next() < lateShare;
    return late ? { ...entry, visibleFrom: entry.time + 1 + random.int(lateMaxMs) } : entry;
  }
}
