/**
 * The keys that Fluent Bit 5.1.1 knows, as its sources list them: `config_map` of each plugin, and the shared keys that
 * flb_input_set_property(), flb_output_set_property() and service_configs[] (flb_config.c) handle.
 *
 * All names are in lower case; Fluent Bit compares them without regard to case. A name that ends in a dot stands for
 * every key that begins with it. Unknown keys of a plugin keep Fluent Bit from starting; unknown keys of [SERVICE] or of
 * a parser are passed over in silence.
 */
export const KEYS_OF_VERSION = '5.1.1';

/** Keys that have several values when repeated; repeating any other key of a plugin's own is refused. */
export const REPEATABLE_KEYS: ReadonlySet<string> = new Set(['header', 'add_option', 'add_label']);

/** Shared keys whose empty value (an unset variable) makes them an unknown key, which is refused. */
export const KEYS_THAT_NEED_A_VALUE: ReadonlySet<string> = new Set([
  'tag',
  'alias',
  'log_level',
  'log_suppress_interval',
  'mem_buf_limit',
  'routable',
  'storage.pause_on_chunks_overlimit',
  'storage.total_limit_size',
  'storage.type',
  'thread.ring_buffer.capacity',
  'thread.ring_buffer.window',
  'threaded',
  'tls',
  'tls.debug',
  'tls.verify',
  'tls.verify_hostname',
  'workers',
]);

const TLS_KEYS = [
  'tls',
  'tls.verify',
  'tls.verify_hostname',
  'tls.debug',
  'tls.vhost',
  'tls.ca_path',
  'tls.ca_file',
  'tls.crt_file',
  'tls.key_file',
  'tls.key_passwd',
  'tls.min_version',
  'tls.max_version',
  'tls.ciphers',
];

/** Accepted in every plugin section of a YAML or classic file. */
const EVERYWHERE = ['name', 'alias', 'log_level', 'log_suppress_interval', 'active', 'condition', 'processors'];

export const INPUT_KEYS: ReadonlySet<string> = new Set([
  ...EVERYWHERE,
  ...TLS_KEYS,
  'tls.verify_client_cert',
  'tag',
  'routable',
  'routes',
  'mem_buf_limit',
  'listen',
  'host',
  'port',
  'ipv6',
  'net.',
  'oauth2.',
  'storage.type',
  'storage.pause_on_chunks_overlimit',
  'threaded',
  'thread.ring_buffer.capacity',
  'thread.ring_buffer.window',
  'rate_window',
  'rate_gate',
  'rate_gate.max_bytes',
  'rate_gate.max_records',
  'rate_gate.backpressure',
  'rate_gate.resume_ratio',
  'telemetry',
]);

export const OUTPUT_KEYS: ReadonlySet<string> = new Set([
  ...EVERYWHERE,
  ...TLS_KEYS,
  'tls.proxy.verify',
  'tls.proxy.verify_hostname',
  'tls.proxy.ca_path',
  'tls.proxy.ca_file',
  'tls.windows.certstore_name',
  'tls.windows.use_enterprise_store',
  'tls.windows.client_thumbprints',
  'match',
  'match_regex',
  'host',
  'port',
  'ipv6',
  'retry_limit',
  'net.dns.mode',
  'net.dns.resolver',
  'net.dns.prefer_ipv4',
  'net.dns.prefer_ipv6',
  'net.keepalive',
  'net.keepalive_idle_timeout',
  'net.keepalive_max_recycle',
  'net.tcp_keepalive',
  'net.tcp_keepalive_time',
  'net.tcp_keepalive_interval',
  'net.tcp_keepalive_probes',
  'net.io_timeout',
  'net.connect_timeout',
  'net.connect_timeout_log_error',
  'net.source_address',
  'net.max_worker_connections',
  'net.proxy_env_ignore',
  'oauth2.',
  '_debug.http.',
  'storage.total_limit_size',
  'workers',
]);

export const INPUT_PLUGIN_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  exec: new Set([
    'command',
    'parser',
    'interval_sec',
    'interval_nsec',
    'buf_size',
    'oneshot',
    'exit_after_oneshot',
    'propagate_exit_code',
  ]),
  prometheus_textfile: new Set(['path', 'scrape_interval']),
};

export const OUTPUT_PLUGIN_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  prometheus_remote_write: new Set([
    'add_label',
    'proxy',
    'http_user',
    'http_passwd',
    'compression',
    'header',
    'uri',
    'log_response_payload',
  ]),
  http: new Set([
    'proxy',
    'allow_duplicated_headers',
    'log_response_payload',
    'http.response_timeout',
    'http.read_idle_timeout',
    'http_user',
    'http_passwd',
    'aws_auth',
    'aws_service',
    'aws_region',
    'aws_sts_endpoint',
    'aws_role_arn',
    'aws_external_id',
    'aws_profile',
    'header_tag',
    'format',
    'json_date_format',
    'json_date_key',
    'compress',
    'header',
    'uri',
    'http_method',
    'gelf_timestamp_key',
    'gelf_host_key',
    'gelf_short_message_key',
    'gelf_full_message_key',
    'gelf_level_key',
    'body_key',
    'headers_key',
  ]),
  stdout: new Set(['format', 'json_date_format', 'json_date_key']),
  loki: new Set([
    'uri',
    'tenant_id',
    'tenant_id_key',
    'tenant_id_key_error_handling',
    'labels',
    'structured_metadata',
    'structured_metadata_map_keys',
    'auto_kubernetes_labels',
    'drop_single_key',
    'label_keys',
    'remove_keys',
    'line_format',
    'label_map_path',
    'http_user',
    'http_passwd',
    'buffer_size',
    'bearer_token',
    'header',
    'compress',
  ]),
  forward: new Set([
    'time_as_integer',
    'retain_metadata_in_forward_mode',
    'shared_key',
    'self_hostname',
    'empty_shared_key',
    'send_options',
    'require_ack_response',
    'username',
    'password',
    'unix_path',
    'upstream',
    'tag',
    'compress',
    'fluentd_compat',
    'add_option',
  ]),
  kafka: new Set([
    'topic_key',
    'dynamic_topic',
    'format',
    'otlp_logs_partition_by_resource',
    'message_key',
    'message_key_field',
    'timestamp_key',
    'timestamp_format',
    'queue_full_retries',
    'gelf_timestamp_key',
    'gelf_host_key',
    'gelf_short_message_key',
    'gelf_full_message_key',
    'gelf_level_key',
    'topics',
    'brokers',
    'client_id',
    'group_id',
    'rdkafka.',
    'raw_log_key',
    'aws_msk_iam_cluster_arn',
    'aws_msk_iam',
  ]),
};

/** Whether a set of keys holds this one, by itself or under a prefix. */
export function knowsKey(keys: ReadonlySet<string>, key: string): boolean {
  if (keys.has(key)) return !key.endsWith('.');
  for (const known of keys) {
    if (known.endsWith('.') && key.startsWith(known) && key.length > known.length) return true;
  }
  return false;
}
