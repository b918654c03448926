import type { Config } from '../../config/config.ts';
import type { Machine } from './machine.ts';
import type { Service } from './service.ts';

/** The PATH that systemd gives every service. */
const SERVICE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of Fluent Bit and of the commands that it starts. */
export interface Environment {
  readonly variables: NodeJS.ProcessEnv;
  /** The service; undefined where systemd does not start Fluent Bit. */
  readonly service: Service | undefined;
  /** False when one of its files could not be read: then what seems unset may be set there. */
  readonly isKnown: boolean;
  /** A remark for the message that a variable is not set, such as where it is set instead; may be empty. */
  readonly hint: (name: string) => string;
}

/** The settings of one poll, from Fluent Bit or the command line. */
export interface Setup {
  readonly config: Config;
  readonly environment: Environment;
  /** The environment with what the command itself sets. */
  readonly env: NodeJS.ProcessEnv;
  /** How often Fluent Bit starts it, where that is known. */
  readonly intervalMs?: number;
}

/**
 * The environment of Fluent Bit. Where systemd starts it, that of the service, without what is set in this shell;
 * elsewhere, that of this process and what the service's files add to it.
 */
export function environmentOf(
  service: Service,
  isService: boolean,
  env: NodeJS.ProcessEnv,
  { hostname }: Machine,
): Environment {
  const own = valuesOf(service.variables);
  // Fluent Bit sets HOSTNAME itself if it is missing.
  const everywhere = { HOSTNAME: hostname, PATH: SERVICE_PATH };
  if (!isService) {
    const variables = { ...everywhere, ...valuesOf(service.unread), ...own, ...env };
    return { variables, service: undefined, isKnown: true, hint: () => '' };
  }
  const isKnown = service.unreadable.length === 0;
  const base = isKnown ? {} : env;
  return {
    variables: { ...base, ...everywhere, ...own },
    service,
    isKnown,
    hint: (name) => {
      const unread = service.unread.get(name);
      if (unread !== undefined) return ` (it is set in ${unread.at.file}, which the service does not read)`;
      return (env[name] ?? '') === '' ? '' : ' (it is set in this shell, which the service does not see)';
    },
  };
}

function valuesOf(variables: Service['variables']): NodeJS.ProcessEnv {
  return Object.fromEntries([...variables.values()].map(({ name, value }) => [name, value]));
}
