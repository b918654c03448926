/** The contracts of the sandbox and their events. */

import { Arrivals } from './arrivals.ts';
import { EventLog, type NewEvent, type StoredEvent } from './event-log.ts';
import { type EventPlace, makeIonosEvent } from './ionos-events.ts';
import type { SandboxOptions } from './options.ts';
import { createRandom, hash } from './random.ts';

export interface ContractOptions {
  /** Whether events arrive by themselves (`arrivalsPerSecond`); true by default. */
  arrivals?: boolean;
}

export interface GenerateRange {
  count: number;
  /** Milliseconds since the epoch, inclusive. */
  from: number;
  /** Exclusive. */
  to: number;
}

interface Contract {
  log: EventLog;
  index: number;
  generated: number;
}

export class IonosStore {
  readonly #options: SandboxOptions;
  readonly #contracts = new Map<string, Contract>();
  readonly #receiving: string[] = [];
  readonly #arrivals: Arrivals;
  #arrived = 0;

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.now());
  }

  get contracts(): readonly string[] {
    return [...this.#contracts.keys()];
  }

  addContract(contract: string, { arrivals = true }: ContractOptions = {}): void {
    if (!this.#contracts.has(contract)) this.#add(contract, arrivals);
  }

  /** Undefined for a contract that does not exist. */
  log(contract: string): EventLog | undefined {
    this.#receive();
    return this.#contracts.get(contract)?.log;
  }

  /** A contract that is not there yet is added. */
  addEvents(contract: string, events: Iterable<NewEvent>): StoredEvent[] {
    const { log } = this.#contracts.get(contract) ?? this.#add(contract, true);
    return Array.from(events, (event) => log.add(event));
  }

  /** Events at random times of the range, the same for the same seed and the same calls before. */
  generate(number: string, { count, from, to }: GenerateRange): StoredEvent[] {
    const contract = this.#contracts.get(number) ?? this.#add(number, true);
    const random = createRandom(hash(this.#options.seed, 'generate', number, contract.generated));
    const times = Array.from({ length: count }, () => Math.floor(from + random.next() * (to - from)));
    times.sort((a, b) => a - b);
    return times.map((time) => {
      const nth = contract.generated++;
      const node = `a${hex(contract.index, 4)}${hex(nth, 7)}`;
      return contract.log.add(this.#make({ contract: number, time, node }, hash(this.#options.seed, number, nth)));
    });
  }

  #add(number: string, receives: boolean): Contract {
    if (!/^[1-9][0-9]*$/.test(number)) throw new TypeError(`Not a contract number: ${number}`);
    const contract = { log: new EventLog(), index: this.#contracts.size, generated: 0 };
    this.#contracts.set(number, contract);
    if (receives) this.#receiving.push(number);
    return contract;
  }

  /** Lets arrive what is due by the clock. */
  #receive(): void {
    for (const time of this.#arrivals.due(this.#options.now(), this.#options.arrivalsPerSecond)) {
      const nth = this.#arrived++;
      const seed = hash(this.#options.seed, 'arrival', nth);
      const contract = this.#receiving[seed % this.#receiving.length];
      if (contract === undefined) continue;
      const event = this.#make({ contract, time, node: `b${hex(nth, 11)}` }, seed);
      this.#contracts.get(contract)?.log.add(event);
    }
  }

  #make(place: EventPlace, seed: number): NewEvent {
    const random = createRandom(seed);
    const event = makeIonosEvent(random, place, this.#options);
    const { lateByMs, lateShare, lateMaxMs } = this.#options;
    const late = lateShare > 0 && random.next() < lateShare;
    return late ? { ...event, visibleFrom: place.time + (lateByMs ?? 1 + random.int(lateMaxMs)) } : event;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
