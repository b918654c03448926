/** Makes events that look like those of an IONOS contract. */

import type { NewEvent } from './event-log.ts';
import type { SandboxOptions } from './options.ts';
import type { Random } from './random.ts';

type Style = Pick<SandboxOptions, 'uuid' | 'typeDrift' | 'timeFormat' | 'sizeBytes'>;

const SERVICES = ['DCD', 'Provisioning', 'PUBLIC_REST', 'PUBLIC_REST_V6', 'Reseller_V1'] as const;
const TYPES = [
  'RequestAccepted',
  'RequestStatusUpdate',
  'Provision',
  'DCDUserEvent',
  'GenerateToken',
  'RequestAccepted',
  'RequestStatusUpdate',
  'Error',
] as const;
const USERS = [
  'anna.keller@example.com',
  'b.osei@example.com',
  'jürgen.groß@example.org',
  'terraform@ci.example.net',
  'o\\u0027neil@example.com',
  'ops+rotation@example.com',
] as const;
const MESSAGES = [
  'Request has been accepted',
  'Server \\"web-3\\" was resized from 2 to 4 cores',
  'Größe von Volume „daten“ geändert',
  'Path C:\\\\Users\\\\ops\\\\deploy.ps1 was executed\\tby the run book',
  'Token was generated',
  'Quota exceeded: RAM 240 GB \\u003e 200 GB',
  'Snapshot finished \\ud83d\\ude80',
] as const;
const RESOURCES = [
  'SERVER',
  'VOLUME',
  'NIC',
  'LAN',
  'DATACENTER',
  'SNAPSHOT',
  'user',
  'IPBLOCK',
  'K8S_CLUSTER',
] as const;
const ACTIONS = ['CREATE', 'UPDATE', 'DELETE', 'START', 'STOP', 'sec.user.create', 'sec.token.create'] as const;
const FILLER = 'The quick brown fox jumps over the lazy dog. ';

export interface EventPlace {
  contract: string;
  /** Milliseconds since the epoch. */
  time: number;
  /** 12 hexadecimal digits that no other event of the sandbox has. */
  node: string;
}

/** One event of a contract; the same for the same state of `random`. */
export function makeIonosEvent(random: Random, { contract, time, node }: EventPlace, style: Style): NewEvent {
  const uuid = random.uuid(node);
  const withUuid = style.uuid === 'present' || (style.uuid === 'some' && random.int(2) === 0);
  const head = withUuid ? `"@uuid":"${uuid}",` : '';
  const facts = {
    request: random.uuid(node),
    transaction: random.uuid(),
    time: timeText(time, style.timeFormat),
    service: random.pick(SERVICES),
    user: random.pick(USERS),
    type: random.pick(TYPES),
    status: random.pick(['OK', 'DONE', 'RUNNING', 'QUEUED', 'FAILED']),
    message: random.pick(MESSAGES),
    contract,
  };
  const size = style.sizeBytes;
  if (size === null) return { id: uuid, time, raw: `{${head}${fullBody(random, facts, style.typeDrift)}}` };
  return { id: uuid, time, raw: padded((filler) => `{${head}${smallBody(facts, filler)}}`, size) };
}

interface Facts {
  request: string;
  transaction: string;
  time: string;
  service: string;
  user: string;
  type: string;
  status: string;
  message: string;
  contract: string;
}

function fullBody(random: Random, facts: Facts, drift: boolean): string {
  const drifts = (): boolean => drift && random.int(2) === 0;
  const version = drifts() ? '0.1' : '"0.1"';
  const queue = random.int(3) === 0 ? 'null' : drifts() ? `${random.int(2 ** 31)}` : `"${random.uuid()}"`;
  const contract = drifts() ? facts.contract : `"${facts.contract}"`;
  const status = drifts() ? `${200 + random.int(300)}` : `"${facts.status}"`;
  const resources = Array.from({ length: random.int(5) }, () => {
    const id = drifts() ? `${random.int(100_000)}` : `"${random.uuid()}"`;
    return `{"type":"${random.pick(RESOURCES)}","id":${id},"action":["${random.pick(ACTIONS)}"]}`;
  });
  return (
    `"meta":{"auditVersion":${version},"requestId":"${facts.request}","queueRefId":${queue},` +
    `"time":"${facts.time}","transactionId":"${facts.transaction}"},` +
    `"principal":{"sourceIP":"203.0.113.${random.int(256)}","sourceService":"${facts.service}",` +
    `"serviceHost":"${facts.service.toLowerCase()}-${random.int(20)}.example.net",` +
    `"identity":{"contractNumber":${contract},"username":"${facts.user}"}},` +
    `"event":{"type":"${facts.type}","status":${status},"message":"${facts.message}",` +
    `"param":${param(random)},"resources":[${resources.join(',')}]}`
  );
}

function param(random: Random): string {
  switch (random.int(5)) {
    case 0:
      return '{}';
    case 1:
      return `{"web-${random.int(100)}":{"cores":${1 + random.int(16)},"ram":${1024 * (1 + random.int(64))}}}`;
    case 2:
      return `{"properties":{"size":${10 * (1 + random.int(90))}.0,"licenceType":"LINUX","bootOrder":null},"depth":1}`;
    case 3:
      return `{"userAgent":"terraform-provider/6.4.${random.int(20)}","sshKeys":["ssh-ed25519 ${random.hex(120 + random.int(600))}"]}`;
    default:
      return `{"ips":["198.51.100.${random.int(256)}","2001:db8::${random.hex(4)}"],"dhcp":true,"lan":${random.int(9)}}`;
  }
}

/** What fits into some 300 bytes. */
function smallBody(facts: Facts, filler: string): string {
  return (
    `"meta":{"requestId":"${facts.request}","time":"${facts.time}"},` +
    `"principal":{"sourceService":"${facts.service}",` +
    `"identity":{"contractNumber":"${facts.contract}","username":"${facts.user}"}},` +
    `"event":{"type":"${facts.type}","message":"${filler}"}`
  );
}

function padded(make: (filler: string) => string, size: number): string {
  const missing = size - Buffer.byteLength(make(''));
  if (missing < 0) throw new RangeError(`An event takes at least ${size - missing} bytes, not ${size}`);
  return make(FILLER.repeat(Math.ceil(missing / FILLER.length)).slice(0, missing));
}

function timeText(time: number, format: SandboxOptions['timeFormat']): string {
  const iso = new Date(time).toISOString();
  switch (format) {
    case 'milliseconds':
      return iso;
    case 'seconds':
      return `${iso.slice(0, 19)}Z`;
    case 'microseconds':
      return `${iso.slice(0, 23)}417Z`;
    case 'offset':
      return `${new Date(time + 3_600_000).toISOString().slice(0, 23)}+01:00`;
  }
}
