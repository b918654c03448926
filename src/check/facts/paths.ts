/** Files of a machine with Fluent Bit, where its package and install.sh put them. */
export const ETC = '/etc/fluent-bit';
export const MAIN = `${ETC}/fluent-bit.conf`;
export const MAIN_BACKUP = `${MAIN}.before-activity-log`;
export const ENV_FILE = `${ETC}/activity-log.env`;
export const TOKEN_FILE = `${ETC}/activity-log.token`;
export const RECORD = `${ETC}/.activity-log.installed`;
export const DROP_INS = '/etc/systemd/system/fluent-bit.service.d';
export const STATE = '/var/lib/fluent-bit';
