/** What `help TOPIC` shows. */
export interface Topic {
  readonly name: string;
  readonly title: string;
  /** Paragraphs, and lists of terms with what they mean. */
  readonly blocks: readonly (string | readonly (readonly [term: string, meaning: string])[])[];
}

/** `help troubleshooting`: what to do, by message or symptom. */
export const TROUBLESHOOTING: Topic = {
  name: 'troubleshooting',
  title: 'Troubleshooting by message',
  blocks: [
    'Run check first: it finds most of this and says what to do. Messages: journalctl -u fluent-bit',
    [
      ['no API token', 'The service does not see one. Is the token in the file that activity-log.env names?'],
      ['parser errors, or text under the key exec', 'Add "Parsers_File activity-log-parsers.conf" to [SERVICE], once.'],
      [
        'Fluent Bit does not start: parser ... already exists',
        'A parser is defined twice, as when "Parsers_File parsers.conf" is set twice. Keep one such line.',
      ],
      ['Fluent Bit does not start: an empty Tag', 'ACTIVITY_LOG_TAG is not set in activity-log.env.'],
      [
        'visible in stdout, but not in Loki',
        'Host is a bare name, Port 443 goes with tls On, URI is / and the tag, and ' +
          'Header is APIKEY and the key. Refused chunks are kept in storage/rejected; check and status show them.',
      ],
      [
        '415 or 400 from the destination',
        'It may not read gzip: delete "Compress gzip" in outputs/ionos.conf, restart, and redeliver.',
      ],
      ['413 from the destination', 'A POST of about 2 MB (0.6 MB as gzip) is too large: use outputs/ionos-tcp.conf.'],
      ['exec produces nothing', 'The first run comes one interval after the start. Is the script executable?'],
      [
        'events missing after a restart',
        'Never delete the state. See status, and use export or redeliver for the gap.',
      ],
      ['401', 'Create a new token and write it into the token file. The next run takes it.'],
      ['403', "Give the token's user the privilege to access the activity log. With two-factor login, use a token."],
      ['the token ... has expired, expires in ...', 'See 401. check and the metrics warn 14 days ahead.'],
      ['no answer from ...', 'Network, DNS, firewall or proxy. The cursor stays.'],
      ['certificate of ... is not accepted', 'A proxy that opens TLS? Name its CA file in NODE_EXTRA_CA_CERTS.'],
      [
        'cannot use the state file',
        'The message says why: permissions, a read-only file system, a full disk. Nothing is lost: the cursor stays.',
      ],
      ['another run holds the lock', 'Give each input its own state file; on a terminal, use --peek.'],
      [
        "Fluent Bit's counter cannot be read",
        'HTTP_Server On is missing, is on another port than --ack-url, or no input ' +
          'has the Alias that --ack-input names. Nothing is fetched until then.',
      ],
      [
        'Fluent Bit has counted ... of the last ... lines',
        'It dropped lines: Buf_Size is too small (4096 unless set), Mem_Buf_Limit is set, or its JSON parser refuses ' +
          'them. Compare the input with activity-log.conf.',
      ],
      [
        'Fluent Bit refused an event in 3 runs',
        'The event is in rejected.jsonl. The JSON parser refuses 1e400, for example.',
      ],
      [
        "exceeds Fluent Bit's limits",
        'The whole event is in oversize.jsonl. Raise --max-line-bytes, and Buf_Size above it.',
      ],
      [
        'the same event twice',
        'After a crash or a restart, or when the answer of the destination was lost. Duplicates have the same @uuid.',
      ],
      [
        'cannot write the metrics file',
        'Its folder must exist, and the user that Fluent Bit runs as must be able to write there. Events are ' +
          'delivered all the same.',
      ],
      ['the export is not complete', 'Run the same command again: it resumes FILE.part.'],
      ['events came up to ... late', 'Increase --overlap.'],
      ['clock is ... ahead', 'Set the clock; timedatectl says whether it is synchronized.'],
      [
        'belongs to a different export',
        'Finish it with its own options, choose another name, or remove FILE.part and FILE.part.json.',
      ],
    ],
  ],
};
