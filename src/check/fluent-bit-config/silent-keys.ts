import { closest } from '../../lib/suggestion.ts';

/**
 * The keys of [SERVICE] and of parsers in Fluent Bit 5.1.1 (service_configs[] of flb_config.c, flb_parser.c). Fluent Bit
 * ignores other keys there without a message.
 */
const SERVICE_KEYS = `
  flush flush.adaptive flush.adaptive.min_interval flush.adaptive.max_interval flush.adaptive.low_pressure
  flush.adaptive.medium_pressure flush.adaptive.high_pressure flush.adaptive.up_steps flush.adaptive.down_steps
  grace daemon log_file log_level parsers_file plugins_file streams_file sp.convert_from_str_to_num
  json.convert_nan_to_null json.escape_unicode security.fips_mode http_server http_listen http_port health_check
  hc_errors_count hc_retry_failure_count hc_period enable_chunk_trace hot_reload hot_reload.ensure_thread_safety
  hot_reload.timeout dns.mode dns.resolver dns.prefer_ipv4 dns.prefer_ipv6 storage.path storage.sync storage.metrics
  storage.checksum storage.backlog.mem_limit storage.backlog.flush_on_shutdown storage.max_chunks_up
  storage.delete_irrecoverable_chunks storage.trim_files storage.type storage.inherit storage.keep.rejected
  storage.rejected.path storage.rejected.limit coro_stack_size multiline_buffer_limit scheduler.cap scheduler.base
  windows.maxstdio telemetry`;
const PARSER_KEYS = `
  name format regex skip_empty_values time_format time_key time_keep time_strict time_system_timezone time_offset
  time_zone logfmt_no_bare_keys types decode_field decode_field_as`;

const KEYS = { service: SERVICE_KEYS.trim().split(/\s+/), parser: PARSER_KEYS.trim().split(/\s+/) };

/** The key that was probably meant; undefined when the key is known, or unlike any known one: it may be newer. */
export function meantKey(kind: 'service' | 'parser', key: string): string | undefined {
  return isKnownKey(kind, key) ? undefined : closest(key, KEYS[kind]);
}

/** Whether Fluent Bit 5.1.1 has this key, in lower case. */
export function isKnownKey(kind: 'service' | 'parser', key: string): boolean {
  return KEYS[kind].includes(key);
}
