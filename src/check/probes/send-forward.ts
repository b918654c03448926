import { Decoder, encode } from '@msgpack/msgpack';
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { isObject } from '../../lib/narrow.ts';
import { valueOf, type Section } from '../fluent-bit-config/model.ts';
import { isOn, type Address } from './send-settings.ts';

const SALT_BYTES = 16;

/**
 * Sends one record by Fluentd's forward protocol, version 1, with the handshake of a shared key where the output has one
 * (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1). True when the receiver acknowledged it,
 * false when it was not asked to. Throws when it refuses the key, closes the connection or answers something else.
 */
export async function sendByForward(
  output: Section,
  address: Address,
  tag: string,
  record: Readonly<Record<string, unknown>>,
  now: number,
  signal: AbortSignal,
): Promise<boolean> {
  const socket = await open(address, signal);
  const close = () => socket.destroy();
  signal.addEventListener('abort', close, { once: true });
  try {
    // A nonce is sent as text, but its bytes are not UTF-8.
    const messages = new Decoder({ rawStrings: true }).decodeStream(socket);
    const sharedKey = valueOf(output, 'shared_key');
    if (sharedKey !== undefined) await greet(output, sharedKey, socket, messages);
    const chunk = randomBytes(SALT_BYTES).toString('base64');
    const isAsked = isOn(output, 'require_ack_response');
    const entry = [Math.floor(now / 1000), record];
    socket.write(encode([tag, [entry], isAsked ? { chunk, size: 1 } : { size: 1 }]));
    if (!isAsked) return false;
    const answer = await next(messages);
    if (!isObject(answer) || textOf(answer['ack']) !== chunk)
      throw new Error('the receiver acknowledged something else');
    return true;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
    socket.end();
  }
}

function open({ host, port, tls }: Address, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connect({ host, port, signal }) : connectTls({ ...tls, host, port });
    socket.once('error', reject);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject);
      // From now on, the stream of messages reports errors.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** HELO, PING, PONG: both sides show that they know the key. */
async function greet(
  output: Section,
  sharedKey: string,
  socket: Socket,
  messages: AsyncGenerator<unknown, void>,
): Promise<void> {
  const helo = await next(messages);
  const options: unknown = Array.isArray(helo) && textOf(helo[0]) === 'HELO' ? helo[1] : undefined;
  if (!isObject(options)) throw new Error('the receiver does not ask for a Shared_Key');
  const own = valueOf(output, 'self_hostname') ?? hostname();
  // A text of 16 characters, as Fluent Bit's own output sends it: its input does not take bytes.
  const salt = randomBytes(SALT_BYTES / 2).toString('hex');
  const user = valueOf(output, 'username') ?? '';
  const password = digest(bytes(options['auth']), user, valueOf(output, 'password') ?? '');
  const proof = digest(salt, own, bytes(options['nonce']), sharedKey);
  socket.write(encode(['PING', own, salt, proof, user, user === '' ? '' : password]));
  const pong = await next(messages);
  const [kind, isWelcome, reason] = Array.isArray(pong) ? (pong as unknown[]) : [];
  if (textOf(kind) !== 'PONG' || isWelcome !== true) {
    const why = textOf(reason);
    throw new Error(`the receiver refuses the Shared_Key${why === '' ? '' : ` (${why})`}`);
  }
}

async function next(messages: AsyncGenerator<unknown, void>): Promise<unknown> {
  const { value, done } = await messages.next();
  if (done === true) throw new Error('the receiver closed the connection without an answer');
  return value;
}

function digest(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function textOf(value: unknown): string {
  return Buffer.from(bytes(value)).toString();
}
