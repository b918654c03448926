import { hostname } from 'node:os';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { withTimeout } from '../../lib/wait.ts';
import type { World } from '../../lib/world.ts';
import type { Machine } from '../facts/machine.ts';
import { isDestination, isLoggingService, nameOf, pluginOf } from '../facts/routes.ts';
import { error, ok, warning, type Finding } from '../finding.ts';
import type { Section } from '../fluent-bit-config/model.ts';
import { sendByForward } from './send-forward.ts';
import { sendByHttp, type Answer } from './send-http.ts';
import { addressOf, secretsOfOutput } from './send-settings.ts';

const ANSWER_MS = 10_000;
const MARK = 'test record of fetch-activity-logs check --send';
const NOTHING_ARRIVES = 'no event arrives there';
const SHOWN_CHARACTERS = 300;

/**
 * Sends one marked record directly to each destination, as its output would, and reports the answer. `outputs`: each
 * with the tag that reaches it.
 */
export async function sendTestRecords(outputs: ReadonlyMap<Section, string>, machine: Machine, world: World) {
  const destinations = [...outputs].filter(([output]) => isDestination(output));
  const sent = await Promise.all(destinations.map(([output, tag]) => sendTo(output, tag, machine, world)));
  const findings = sent.flat();
  const secrets = destinations.flatMap(([output]) => secretsOfOutput(output));
  if (findings.length > 0) return { findings, secrets };
  const impact = 'no test record was sent';
  return { findings: warning('send', 'no output sends the events anywhere', { impact }), secrets };
}

async function sendTo(output: Section, tag: string, machine: Machine, world: World): Promise<Finding[]> {
  const plugin = pluginOf(output);
  const name = nameOf(output);
  if (plugin !== 'http' && plugin !== 'loki' && plugin !== 'forward') {
    return warning('send', `${name}: --send knows the outputs http, loki and forward, not ${plugin}`, {
      at: output.at,
      impact: 'whether its destination takes records was not tried',
    });
  }
  const now = world.now();
  const record = { message: MARK, host: hostname(), time: new Date(now).toISOString() };
  const timeout = () => new Error(`no answer within ${ANSWER_MS / 1000} s`);
  let where = name;
  try {
    const address = addressOf(output, machine);
    where = `${name} at ${address.host}:${address.port}`;
    return await withTimeout(world.signal, ANSWER_MS, timeout, async (signal) => {
      if (plugin === 'forward') {
        const isAcknowledged = await sendByForward(output, address, tag, record, now, signal);
        return forwarded(isAcknowledged, where, output);
      }
      return answered(await sendByHttp(output, address, record, now, signal), where, output);
    });
  } catch (thrown) {
    world.signal.throwIfAborted();
    const reason = messageOf(thrown);
    return error('send', `the test record did not reach ${where}: ${reason}`, {
      at: output.at,
      impact: `${NOTHING_ARRIVES}: ${meaningOf(codeOf(thrown) ?? '')}`,
    });
  }
}

function answered({ status, body }: Answer, where: string, output: Section): Finding[] {
  if (status >= 200 && status < 300) {
    const hint = isLoggingService(output) || pluginOf(output) === 'loki' ? ' look for it in Grafana:' : '';
    return ok('send', `${where} took a test record (HTTP ${status});${hint} "${MARK}"`, { at: output.at });
  }
  const said = body.trim().slice(0, SHOWN_CHARACTERS);
  const message = `${where} refused a test record: HTTP ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 429 || status >= 500) {
    const why = status === 429 ? 'the destination limits the rate' : 'the destination has a problem';
    const impact = `events arrive late: ${why}, and Fluent Bit retries`;
    return warning('send', message, { at: output.at, impact });
  }
  return error('send', message, { at: output.at, impact: `${NOTHING_ARRIVES}: ${meaningOfStatus(status)}` });
}

function forwarded(isAcknowledged: boolean, where: string, output: Section): Finding[] {
  if (isAcknowledged) return ok('send', `${where} acknowledged a test record`, { at: output.at });
  return ok('send', `a test record was written to ${where}, which was not asked to acknowledge it`, { at: output.at });
}

function meaningOfStatus(status: number): string {
  if (status === 401 || status === 403) return 'the key is wrong, expired, or of another pipeline';
  if (status === 404 || status === 405) return 'there is nothing at this path: is the URI /TAG of the pipeline?';
  if (status === 400 || status === 415 || status === 422) return 'the destination expects another format';
  if (status === 413) return 'the destination accepts only smaller requests';
  if (status >= 300 && status < 400) return 'the destination redirects it, and Fluent Bit does not follow';
  return 'the destination does not say why';
}

function meaningOf(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name cannot be resolved';
  if (code === 'ECONNREFUSED') return 'nothing listens there: is the port right?';
  if (code === 'ECONNRESET' || code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return 'one side speaks TLS and the other does not, or the destination closed the connection';
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'the certificate, or the clock, is wrong';
  if (/CERT|SIGNATURE|ALTNAME/.test(code)) return 'its certificate is not trusted for this host';
  if (code === 'ENOENT' || code === 'EACCES') return 'a file that the output names cannot be read';
  return 'are host, port, firewall and key right?';
}
