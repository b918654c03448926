import { type FluentBitConfig, valueOf } from '../../src/check/fluent-bit-config/model.ts';
import { sectionsOf } from '../../src/check/fluent-bit-config/read.ts';
import { leadingInteger, sizeInBytes, truth } from '../../src/check/fluent-bit-config/values.ts';
import { serviceOf } from './fluent-bit-config.ts';
import type { InExecOptions } from './in-exec.ts';
import type { ExecInputOptions } from './in-exec-input.ts';

const DEFAULT_HTTP_PORT = '2020';
const DEFAULT_INTERVAL_SEC = 1;

export interface Stead {
  /** What runs instead of the installed script; a shell command's beginning, such as `node dist/script.js`. */
  readonly program?: string;
  readonly inputs?: Partial<ExecInputOptions>;
}

export const INSTALLED_SCRIPT = '/opt/fluent-bit/scripts/fetch-activity-logs';

/**
 * The exec inputs of a configuration as options of the double. In a command, the address of the configured HTTP server
 * becomes that of the double, which listens on a free port.
 */
export function inExecOptions(config: FluentBitConfig, { program, inputs = {} }: Stead = {}): InExecOptions {
  const service = serviceOf(config);
  const configured = `http://127.0.0.1:${service.get('http_port') ?? DEFAULT_HTTP_PORT}`;
  const exec = sectionsOf(config, 'input').filter((section) => valueOf(section, 'name')?.toLowerCase() === 'exec');
  return {
    http: truth(service.get('http_server') ?? '') ?? false,
    inputs: exec.map((section): ExecInputOptions => {
      const command = (valueOf(section, 'command') ?? '').replace(INSTALLED_SCRIPT, () => program ?? INSTALLED_SCRIPT);
      const alias = valueOf(section, 'alias');
      const bufSize = sizeInBytes(valueOf(section, 'buf_size') ?? '');
      const memBufLimit = sizeInBytes(valueOf(section, 'mem_buf_limit') ?? '');
      const seconds = leadingInteger(valueOf(section, 'interval_sec') ?? '');
      const storage = valueOf(section, 'storage.type')?.toLowerCase() === 'filesystem' ? 'filesystem' : 'memory';
      return {
        command: (url) => command.replaceAll(configured, url),
        threaded: truth(valueOf(section, 'threaded') ?? '') ?? false,
        intervalMs: (seconds > 0 ? seconds : DEFAULT_INTERVAL_SEC) * 1000,
        storage,
        ...(alias === undefined ? {} : { alias }),
        ...(bufSize === undefined ? {} : { bufSize }),
        ...(memBufLimit === undefined ? {} : { memBufLimit }),
        ...inputs,
      };
    }),
  };
}
