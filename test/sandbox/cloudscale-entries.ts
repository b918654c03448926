/** Makes entries that look like those of a cloudscale.ch project log. */

import type { NewEvent } from './event-log.ts';
import type { Random } from './random.ts';

const SUBJECTS = [
  'server',
  'volume',
  'floating_ip',
  'network',
  'objects_user',
  'load_balancer',
  'custom_image',
] as const;
const VERBS = ['create', 'update', 'delete', 'attach', 'detach', 'reboot', 'scale'] as const;
const NAMES = ['web-1', 'db-master', 'Datenträger für Zürich', 'k8s \\"blue\\"', 'build\\u002dagent', 'cache'] as const;

/** One entry; `time` in milliseconds, its timestamp with microseconds. The same for the same state of `random`. */
export function makeCloudscaleEntry(random: Random, time: number): NewEvent {
  const subject = random.pick(SUBJECTS);
  const verb = random.pick(VERBS);
  const name = random.pick(NAMES);
  const micros = Math.floor(time) * 1000 + random.int(1000);
  const ip = random.int(4) === 0 ? 'null' : `"192.0.2.${random.int(256)}"`;
  const raw =
    `{"ip_address":${ip},"action":"${subject}_${verb}","message":"${subject} ${name}: ${verb}",` +
    `"timestamp":"${microsecondText(micros)}","actor":${actor(random)},` +
    `"subject":{"type":"${subject}","uuid":"${random.uuid()}","name":"${name}"}}`;
  return { raw, time: micros / 1000 };
}

/** RFC 3339 with six digits of a second, out of microseconds since the epoch. */
export function microsecondText(micros: number): string {
  const milliseconds = Math.floor(micros / 1000);
  const rest = `${micros - milliseconds * 1000}`.padStart(3, '0');
  return `${new Date(milliseconds).toISOString().slice(0, 23)}${rest}Z`;
}

function actor(random: Random): string {
  switch (random.int(4)) {
    case 0:
      return `{"api_token":{"uuid":"${random.uuid()}","name":"terraform"}}`;
    case 1:
      return '{"system":{}}';
    case 2:
      return '{"admin":{"name":"cloudscale.ch support"}}';
    default:
      return `{"user":{"email":"user${random.int(20)}@example.com","name":"Renée Müller"}}`;
  }
}
