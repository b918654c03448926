import { TROUBLESHOOTING, type Topic } from './troubleshooting.ts';

/** What needs more words than an option: shown by `help TOPIC`, and part of the man page. */
export const TOPICS: readonly Topic[] = [
  {
    name: 'delivery',
    title: 'How events are delivered',
    blocks: [
      "The line that is printed is the event's own JSON text, cut out of the page, with line breaks between tokens " +
        'removed. It is never parsed and written again: large integers, 1.0, duplicate keys and escapes stay as they ' +
        'are.',
      'Each source (a contract at IONOS, the project at cloudscale) has a cursor. A source that fails keeps its ' +
        'cursor and catches up in the next run; the others continue. IONOS is read by time: each run looks again at ' +
        'the last --overlap before the cursor for events that appeared late, and known events are not printed again.',
      "Delivered means taken by Fluent Bit. With --ack-url, the cursor moves only when Fluent Bit's own counter has " +
        'grown by exactly what was printed. Without it, what the pipe took counts as delivered.',
      '--exclude-types and --include-types leave events out by type (event.type; action at cloudscale). According to ' +
        'IONOS, RequestStatusUpdate alone makes up 55 % of all events. What is left out is counted in the last line ' +
        'of a run, by status and in the metrics, and recorded in the journal. A run warns about a type that no event ' +
        'has had for a day.',
      'Connections that fail, time-outs, broken answers and HTTP 408, 429, 500, 502, 503 and 504 are retried with ' +
        'growing pauses until the --deadline; Retry-After is obeyed. A backlog is caught up over several runs.',
    ],
  },
  {
    name: 'crashes',
    title: 'What a crash does',
    blocks: [
      [
        ['killed (kill -9, out of memory)', 'lines printed since the last save, about a second, are printed again'],
        ['SIGTERM, SIGINT', 'finishes the line, saves, exits with 0; the next run continues after that line'],
        [
          'Fluent Bit killed or restarted',
          'with --ack-url, lines it had not counted are printed again; without, they are lost',
        ],
        ['Fluent Bit paused', 'with --ack-url, nothing is fetched until it takes lines again'],
        ['a line refused in three runs', 'goes to rejected.jsonl beside the state, with an error'],
        ['a line too long or nested too deep', 'goes to oversize.jsonl in full; a stub is printed instead'],
        ['the API is down or slow', 'the cursor stays; the next run catches up'],
        ['the state file is broken or gone', 'it is rebuilt from the journal; a broken one is kept as .corrupt-<time>'],
        ['state file and journal are gone', 'collecting starts over from --since; use redeliver for the gap'],
        [
          'stdout is a file (>> FILE), and its disk is full',
          'exits with 4, and the cursor stays: lines of this run that reached the file are printed again',
        ],
        ['two runs at once', 'the second exits with 75 and names the holder of the lock'],
      ],
    ],
  },
  {
    name: 'environment',
    title: 'Environment and token',
    blocks: [
      'Every option with a value has a variable, unless its help says otherwise: ACTIVITY_LOG_STATE_FILE for ' +
        '--state-file. An option wins over its variable. The variable of --api-url is IONOS_API_URL or ' +
        'CLOUDSCALE_API_URL.',
      'As root on the machine of a Fluent Bit service, status, check, export, verify, redeliver, forget and --peek ' +
        'use the settings of its inputs.',
      [
        [
          'token',
          "the first of: --token-file; the file activity-log-token of systemd's LoadCredential=; IONOS_API_TOKEN, " +
            'IONOS_TOKEN, or IONOS_USERNAME with IONOS_PASSWORD; CLOUDSCALE_API_TOKEN. It is never an option.',
        ],
        ['network', 'HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS work as usual'],
        ['NO_COLOR', 'no colors in check'],
      ],
    ],
  },
  {
    name: 'exit-codes',
    title: 'Exit codes',
    blocks: [
      [
        ['0', 'done, or stopped by SIGTERM or SIGINT with everything in order'],
        [
          '1',
          'nothing could be collected, exported or compared (API, token, state); status: no state; check: something ' +
            'costs events',
        ],
        ['2', 'wrong options or configuration'],
        [
          '3',
          'some sources failed, the others were delivered; an export has gaps; status: something needs attention; ' +
            'verify: something is missing, twice or altered',
        ],
        ['4', 'stdout was closed, or Fluent Bit did not take what was printed'],
        ['75', 'another run holds the lock, or another export writes the file'],
      ],
    ],
  },
  {
    name: 'metrics',
    title: 'Metrics',
    blocks: [
      'With --metrics-file, each run writes a Prometheus textfile atomically. All names begin with ' +
        'fetch_activity_logs_, and all series have the label input (--ack-input). Give each input its own file.',
      [
        [
          'each source',
          'last_success_timestamp_seconds, cursor_timestamp_seconds, cursor_lag_seconds, events_total, ' +
            'excluded_events_total, late_events_total, late_events_max_seconds, oversize_lines_total, ' +
            'rejected_lines_total, last_sweep_timestamp_seconds, found_missing_events_total, redelivered_events_total',
        ],
        [
          'the journal',
          'journal_commit (its label hash is the SHA-256), journal_bytes, last_verify_timestamp_seconds, ' +
            'last_verify_exit_code, redeliver_queued_ranges',
        ],
        [
          'the last run',
          'last_run_timestamp_seconds, last_run_duration_seconds, last_run_exit_code, last_run_events, ' +
            'last_run_excluded_events, last_run_printed_bytes, last_run_received_bytes, last_run_requests, ' +
            'last_run_retries, last_run_acknowledgement_seconds',
        ],
        [
          'the destination, as Fluent Bit counts',
          'output_delivered_records_total, output_dropped_records_total, output_errors_total, output_retries_total, ' +
            'rejected_chunks, rejected_chunks_bytes, rejected_chunks_oldest_timestamp_seconds',
        ],
        ['the script', 'pending_lines, token_expiry_timestamp_seconds, build_info'],
      ],
      'A run and its metrics look for refused chunks beside the state file, in storage/rejected. With another ' +
        'storage.path, check and status (as root) look there; the alert ActivityLogDestinationDrops works in any ' +
        'case.',
      "The node exporter reads all *.prom files of /var/lib/prometheus/node-exporter. Fluent Bit's " +
        'prometheus_textfile input reads them, too. Alert rules: ' +
        'fluent-bit/grafana/activity-log-collector-rules.yaml.',
    ],
  },
  TROUBLESHOOTING,
  {
    name: 'two-machines',
    title: 'Two machines',
    blocks: [
      'To share the work, give each machine some of the contracts: ACTIVITY_LOG_CONTRACT=31721060,31721061 in its ' +
        'activity-log.env.',
      'For a standby, let both use one state file on a shared file system (ACTIVITY_LOG_STATE_FILE). A run exits ' +
        'with 75 while the other machine holds the lock, and takes over within seconds once the holder is gone. Over ' +
        'NFS, mount with actimeo=1 on both: otherwise a live holder can look dead for 30 seconds. Lines that the ' +
        'first machine printed, but its Fluent Bit had not counted, are printed again by the second. What Fluent Bit ' +
        'has taken stays on its machine.',
    ],
  },
  {
    name: 'limits',
    title: 'Limits',
    blocks: [
      [
        ['crashes', 'After a crash, an event may be printed twice; duplicates have the same @uuid.'],
        [
          'Fluent Bit',
          'It must keep what it has counted: a power cut can lose what it has not synced to disk. During a long ' +
            'outage of the destination, the oldest events are lost once storage.total_limit_size is reached.',
        ],
        [
          'late events',
          'An IONOS event that appears later than --overlap after its time is found only by a sweep or by verify.',
        ],
        [
          'identity',
          'IONOS events without @uuid are recognized by a hash of their bytes; cloudscale entries have no identity. ' +
            'verify --arrived compares the bytes of both: it does not find them where --add-fields was set, or where ' +
            'Fluent Bit wrote a character differently, such as > for \\u003e.',
        ],
        ['answers', 'An answer above 64 MiB is refused; use a smaller --page-size.'],
        ['numbers', 'Fluent Bit changes what its JSON parser cannot hold, such as integers beyond 64 bits.'],
        ['tests', 'Tested against a sandbox that plays what the documentation leaves open, not against the live APIs.'],
      ],
    ],
  },
];
