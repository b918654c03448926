/** What the sandbox holds, as the queries see it, and some events that it does not make by itself. */

import { randomUUID } from 'node:crypto';
import type { NewEvent, StoredEvent } from '../sandbox/server.ts';

/** More than the half hour after which rules that count leave an event out, and than the hour of the cookbook. */
export const LATE_SECONDS = 3 * 3600;

export interface Happening {
  readonly provider: 'ionos' | 'cloudscale';
  readonly id: string;
  readonly request: string;
  /** As it is written in the event. */
  readonly time: string;
  readonly isLate: boolean;
  /** At cloudscale the actor. */
  readonly user: string;
  readonly address: string;
  readonly type: string;
  readonly service: string;
  readonly contract: string;
  readonly message: string;
  readonly method: string;
  readonly uri: string;
  readonly resources: readonly Resource[];
  /** Of cloudscale. */
  readonly action: string;
  readonly subject: string;
  readonly email: string;
  readonly isSupport: boolean;
}

interface Resource {
  readonly type: string;
  readonly id: string;
  readonly action: readonly string[];
}

interface IonosEvent {
  readonly '@uuid': string;
  readonly meta: { readonly time: string; readonly requestId: string };
  readonly principal: {
    readonly sourceIP: string;
    readonly sourceService: string;
    readonly identity: { readonly contractNumber: string; readonly username: string };
  };
  readonly event: {
    readonly type: string;
    readonly message: string;
    readonly param: { readonly action?: string; readonly uri?: string };
    readonly resources: readonly Resource[];
  };
}

interface CloudscaleEntry {
  readonly timestamp: string;
  readonly ip_address: string | null;
  readonly action: string;
  readonly message: string;
  readonly subject: { readonly type: string };
  readonly actor: {
    readonly user?: { readonly email: string };
    readonly api_token?: { readonly name: string };
    readonly admin?: object;
  };
}

const NOTHING = { action: '', subject: '', email: '', isSupport: false };

export function ofIonos({ text, time }: StoredEvent): Happening {
  const { '@uuid': id, meta, principal, event } = JSON.parse(text) as IonosEvent;
  return {
    ...NOTHING,
    provider: 'ionos',
    id,
    request: meta.requestId,
    time: meta.time,
    isLate: isLate(time),
    user: principal.identity.username,
    address: principal.sourceIP,
    type: event.type,
    service: principal.sourceService,
    contract: principal.identity.contractNumber,
    message: event.message,
    method: event.param.action ?? '',
    uri: event.param.uri ?? '',
    resources: event.resources,
  };
}

export function ofCloudscale({ text, time }: StoredEvent): Happening {
  const { timestamp, ip_address, action, message, subject, actor } = JSON.parse(text) as CloudscaleEntry;
  const token = actor.api_token === undefined ? undefined : `API token ${actor.api_token.name}`;
  const support = actor.admin === undefined ? 'system' : 'cloudscale.ch support';
  return {
    provider: 'cloudscale',
    id: '',
    request: '',
    time: timestamp,
    isLate: isLate(time),
    user: actor.user?.email ?? token ?? support,
    address: ip_address ?? '',
    type: '',
    service: '',
    contract: '',
    message,
    method: '',
    uri: '',
    resources: [],
    action,
    subject: subject.type,
    email: actor.user?.email ?? '',
    isSupport: actor.admin !== undefined,
  };
}

function isLate(time: number): boolean {
  return Date.now() - time > (LATE_SECONDS - 60) * 1000;
}

/** Reading through the API, changes to logging, and one that was collected late. */
export function specialEvents(contract: string, now: number): NewEvent[] {
  const resource = (type: string, action: string): string =>
    `{"type":"${type}","id":"${randomUUID()}","action":["${action}"]}`;
  const late = now - LATE_SECONDS * 1000;
  return [
    special(contract, now, 'RequestAccepted', '{"action":"GET","uri":"/cloudapi/v6/datacenters"}', ''),
    special(contract, now, 'RequestAccepted', '{"action":"GET","uri":"/logging/pipelines"}', ''),
    special(contract, now, 'RequestAccepted', '{"action":"POST","uri":"/logging/pipelines/7/key"}', ''),
    special(contract, now, 'Provision', '{}', resource('logging-pipeline', 'UPDATE')),
    special(
      contract,
      now,
      'Error',
      '{"errorCode":"1","error":{"messages":[{"message":"a Provision of \\"GenerateToken\\""}]}}',
      '',
    ),
    special(contract, late, 'Error', '{}', resource('SERVER', 'DELETE')),
    special(contract, late, 'GenerateToken', '{}', resource('user', 'sec.token.create')),
  ];
}

function special(contract: string, time: number, type: string, param: string, resource: string): NewEvent {
  const raw =
    `{"@uuid":"${randomUUID()}","meta":{"requestId":"${randomUUID()}","time":"${new Date(time).toISOString()}"},` +
    `"principal":{"sourceIP":"192.0.2.1","sourceService":"PUBLIC_REST_V6",` +
    `"identity":{"contractNumber":"${contract}","username":"special@example.com"}},` +
    `"event":{"type":"${type}","message":"special","param":${param},"resources":[${resource}]}}`;
  return { raw, time };
}
