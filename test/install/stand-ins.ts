/** What install.sh calls of the machine itself, as it is. */
export const TOOLS = [
  ...['awk', 'cat', 'chmod', 'cmp', 'cp', 'cut', 'dirname', 'env', 'find', 'flock', 'grep', 'ln', 'md5sum', 'mkdir'],
  ...['mktemp', 'mv', 'od', 'readlink', 'rm', 'rmdir', 'sed', 'sh', 'sha256sum', 'stat', 'tac', 'tar', 'tr', 'xz'],
] as const;

const LOG = 'echo "${0##*/} $*" >>"$knobs/calls"';

/** What stands in for the rest: small scripts that go by knobs and write down what they were called with. */
export const STAND_INS: Readonly<Record<string, string>> = {
  id: `case $1 in -u) knob uid 0 ;; -un) knob user root ;; esac; echo`,
  sleep: '',
  // Whether the tutorial's fetcher is at work: as often as it is told.
  pgrep: `${LOG}; left=$(knob fetcher-runs 0); echo $((left - 1)) >"$knobs/fetcher-runs"; [ "$left" -gt 0 ]`,
  'dpkg-query': `
[ "$(knob package installed)" = installed ] || exit 1
case $3 in
  *Status*) echo installed ;;
  *Version*) knob fluent-bit-version 5.1.1; echo ;;
  *Conffiles*) printf '\\n /etc/fluent-bit/fluent-bit.conf %s\\n /etc/fluent-bit/parsers.conf 0123\\n' "$(knob stock-md5)" ;;
esac`,
  systemctl: `
drop_ins() { for file in "$root"/etc/systemd/system/fluent-bit.service.d/*.conf; do [ ! -e "$file" ] || printf '%s ' "\${file#"$root"}"; done; }
in_drop_ins() { for file in $(drop_ins); do sed -n "s/^$1 *= *//p" "$root$file"; done | tr '\\n' ' '; }
case "$*" in
  *--property*)
    printf '%s\\n' LoadState=loaded 'EnvironmentFiles=/etc/default/fluent-bit (ignore_errors=yes)' \\
      "EnvironmentFiles=$(knob service-files)" "Environment=$(knob service-environment "$(in_drop_ins Environment)")" "DropInPaths=$(drop_ins)" "User=$(knob service-user)" \\
      "ExecStart={ path=\${0%/*}/fluent-bit ; argv[]=\${0%/*}/fluent-bit -c /$(knob config /etc/fluent-bit/fluent-bit.conf) ; ignore_errors=no }" ;;
  'is-active fluent-bit') knob active active; echo ;;
  'is-enabled fluent-bit') knob enabled enabled; echo ;;
  *MainPID*) echo 4711 ;;
  *NRestarts*) knob crashes 0; echo ;;
  *NeedDaemonReload*) knob stale no; echo ;;
  reset-failed*) ;;
  --version) echo "systemd $(knob systemd-version '252 (252.39-1~deb12u2)')" ;;
  *)
    ${LOG}
    [ "$*" != "$(knob systemctl-fails)" ] || { echo "Job for fluent-bit.service failed." >&2; exit 1; }
    case "$*" in
      *enable\\ *) case "$*" in *disable*) echo disabled ;; *) echo enabled ;; esac >"$knobs/enabled" ;;
      restart*)
        knob after-restart active >"$knobs/active"
        # StateDirectory= and StateDirectoryMode= of the drop-in.
        [ ! -e "$root/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf" ] || {
          mkdir -p "$root/var/lib/fluent-bit" && chmod 700 "$root/var/lib/fluent-bit"
        }
        [ ! -e "$knobs/writes-state" ] || : >"$root/var/lib/fluent-bit/written" ;;
      stop*) echo inactive >"$knobs/active" ;;
    esac ;;
esac`,
  // Refuses what the real one was measured to refuse, as far as the installer can be to blame for it.
  'fluent-bit': `
${LOG}
[ "$1 $3" = '-c --dry-run' ] || exit 9
refuse() { printf '\\033[1m[\\033[0mtime] [error] %s\\n[error] configuration file contains errors, aborting\\n' "$1"; exit 1; }
if [ -e "$knobs/refuses" ]; then refuse "$(knob refuses)"; fi
awk 'tolower($1) == "parsers_file" && seen[$2]++ { exit 1 }' "$2" || refuse "parser named 'apache' already exists"
includes() {
  sed -n 's/^@INCLUDE *//p' "$1" | while read -r name; do
    [ -f "\${main%/*}/$name" ] || { echo "$name"; break; }
    includes "\${main%/*}/$name"
  done
}
main=$2
missing=$(includes "$2")
[ -z "$missing" ] || refuse "could not open included file $missing"
if grep -q '^@INCLUDE activity-log.conf' "$2"; then
  if [ -e "$knobs/refuses-include" ]; then refuse "$(knob refuses-include)"; fi
  [ -n "$ACTIVITY_LOG_TAG" ] || refuse 'empty tag'
  case $ACTIVITY_LOG_API_KEY in *nobody*) refuse 'the key is not needed here' ;; esac
fi
echo 'configuration test is successful'`,
  uname: 'knob machine x86_64; echo',
  df: 'echo head; echo "disk 9 9 $(knob free-kb 9999999) 9% /"',
};

/** As the package of Fluent Bit brings it. */
export const STOCK_MAIN = `[SERVICE]
    flush        1
    daemon       Off
    log_level    info
    parsers_file parsers.conf
    plugins_file plugins.conf
    http_server  Off
    http_listen  0.0.0.0
    http_port    2020
    storage.metrics on

[INPUT]
    name cpu
    tag  cpu.local
    interval_sec 1

[OUTPUT]
    name  stdout
    match *
`;

export const STOCK_PARSERS = `[PARSER]
    Name   apache
    Format regex
    Regex  ^(?<host>[^ ]*)$
`;

export const STOCK_PLUGINS = '[PLUGINS]\n';
