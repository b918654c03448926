import type { Environment } from '../facts/environment.ts';
import { RESTART, type Service } from '../facts/service.ts';
import { error, fatal, unseen, warning, type Finding } from '../finding.ts';

/** Whether the service is running, with its current unit, and can read its environment files. */
export function checkService({ service }: Environment): Finding[] {
  if (service === undefined) return [];
  return [
    ...activity(service),
    ...service.unreadable.flatMap((file) =>
      unseen('environment', 'this user cannot read it', "the service's environment is not known", { file }),
    ),
    ...service.missing.flatMap(({ path, at }) =>
      error('environment', `${path} does not exist`, {
        at,
        impact: 'the service does not start',
        fix: `EnvironmentFile=-${path}`,
      }),
    ),
  ];
}

/** Whether the service is running, and with its current unit. */
function activity({ isActive, status, needsReload }: Service): Finding[] {
  const stopped = fatal('service', `the service fluent-bit is ${status}`, {
    command: 'sudo systemctl start fluent-bit; systemctl status fluent-bit',
  });
  const outdated = warning('service-reload', 'the unit of fluent-bit has changed, and systemd has not read it again', {
    impact: 'systemd still uses the old one',
    command: RESTART,
  });
  return [...(needsReload ? outdated : []), ...(isActive ? [] : stopped)];
}
