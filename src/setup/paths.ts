/** Where install.sh puts what setup decides on. */
export const MAIN = '/etc/fluent-bit/fluent-bit.conf';
export const ENV_FILE = '/etc/fluent-bit/activity-log.env';
export const TOKEN_FILE = '/etc/fluent-bit/activity-log.token';
