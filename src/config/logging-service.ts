/** A tag of the IONOS CLOUD Logging Service: the model of the vendor's SDK allows 3 to 20 letters and digits. */
const TAG = /^[A-Za-z0-9]{3,20}$/;
const HOST = /^(?:[a-z0-9-]+\.)+logging\.[a-z0-9-]+\.ionos\.com$/i;

/** Whether the Logging Service takes this as a pipeline's tag. */
export function isLoggingServiceTag(tag: string): boolean {
  return TAG.test(tag);
}

/** Whether a host looks like a pipeline's HTTP endpoint: `….logging.<region>.ionos.com`. */
export function isLoggingServiceHost(host: string): boolean {
  return HOST.test(host);
}
