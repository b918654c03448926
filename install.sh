#!/bin/sh
# Installs fetch-activity-logs into the Fluent Bit of this machine, on Debian or Ubuntu with systemd.
#
#     sudo ./install.sh --tag activityLog --host HOST --api-key-file FILE --token-file FILE
#     sudo ./install.sh --uninstall
#
# Checks first, writes after. If anything fails, be it Fluent Bit's own test of the configuration or its restart,
# everything is put back as it was. A second run changes nothing and restarts nothing. What you have edited stays on an
# upgrade. Without an option the present value stays; on the first run, tag, host, interval, key and token are taken over
# from the IONOS tutorial's set-up if this machine has it.
#
#     --tag NAME            tag of the events; at the Logging Service the pipeline's tag: 3 to 20 letters and digits
#     --host HOST           where they go, without scheme and path
#     --interval DURATION   between two runs, 10s to 24h [5m]
#     --provider NAME       ionos or cloudscale [ionos]
#     --token-file FILE     the API's token; - for standard input. No secret is ever an option itself.
#     --api-key-file FILE   the destination's key; - for standard input
#     --credentials         hand the token to a service with a User= of its own (systemd 247 or newer)
#     --release FILE        install this release archive instead of what is beside install.sh
#     --dry-run             say what would change, and change nothing
#     --check               the same, with exit code 1 if something would
#     --no-restart          leave the restart of Fluent Bit to you
#     --uninstall           remove everything but state and secrets, and bring back fluent-bit.conf
#     --purge               with --uninstall: state and secrets, too
#     --destdir DIR         for packagers: put the files under DIR; this machine is neither looked at nor touched
#     --live                with --destdir, for tests: look at the machine and restart, as without it
#     --version             the version that it installs
#     --help                this text
#
# Exit codes: 0 done, 1 not done or (--check) something would change, 2 wrong usage.

set -eu
umask 077
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
unset CDPATH

MIN_CREDENTIALS_SYSTEMD=247
# How long a run of the tutorial's fetcher is waited for.
MAX_FETCHER_SECONDS=60
# Room for the configuration, beside the program.
SPARE_KB=1024

SCRIPT=/opt/fluent-bit/scripts/fetch-activity-logs
FETCHER=/opt/fluent-bit/scripts/fetch_activity_logs.py
LINK=/usr/local/bin/fetch-activity-logs
MANUAL=/usr/local/share/man/man1/fetch-activity-logs.1
ETC=/etc/fluent-bit
MAIN=$ETC/fluent-bit.conf
MAIN_BACKUP=$MAIN.before-activity-log
ENV_FILE=$ETC/activity-log.env
TOKEN_FILE=$ETC/activity-log.token
DROP_INS=/etc/systemd/system/fluent-bit.service.d
DROP_IN=$DROP_INS/10-activity-log.conf
CREDENTIALS_DROP_IN=$DROP_INS/20-activity-log-credentials.conf
STATE=/var/lib/fluent-bit
# Lines "CHECKSUM  PATH", of each configuration file as it was installed: tells your edits from ours. The one of
# MAIN_BACKUP is the checksum of a fluent-bit.conf of yours as we left it. "by-us  enabled": so the service was.
# "owed  restart": there was none after a change, with --no-restart or since values were missing.
RECORD=$ETC/.activity-log.installed
# The way back, while a run is at work: copies of what was there, and a journal of what was done.
UNDO=$ETC/.activity-log.undo
NEW=.activity-log-new

NL='
'

main() {
  parse_options "$@"
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  # Whoever reads what it says may have left: `| head`.
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  here=$(cd "$(dirname "$0")" && pwd -P) script=$here/install.sh
  [ -z "$release" ] || unpack_release
  check_release
  if [ "$show_version" = yes ]; then
    find_program
    program --version </dev/null
    return 0
  fi
  if [ "$live" = yes ]; then check_root_and_systemd; fi
  if [ "$uninstall" = yes ]; then
    begin
    uninstall
  else
    if [ "$live" = yes ]; then check_machine; fi
    find_program
    check_folders
    begin
    plan
    install
  fi
  if [ "$check" = yes ] && [ "$changes" -gt 0 ]; then exit 1; fi
}

# ---------------------------------------------------------------------------------------------------- options, messages

parse_options() {
  uninstall=no destdir='' live=no dry=no check=no restart=yes purge=no credentials=no show_version=no
  tag='' host='' interval='' provider='' token_from='' key_from='' release=''
  changes=0 copies=0 at_work=no need_reload=no need_restart=no enabled=no reloaded=no restarted=no
  temporary='' stage='' dropped=''
  while [ $# -gt 0 ]; do
    case $1 in
      --tag | --host | --interval | --provider | --token-file | --api-key-file | --release | --destdir)
        take_option "$1" "${2-}"
        shift
        ;;
      --tag=* | --host=* | --interval=* | --provider=* | --token-file=* | --api-key-file=* | --release=* | --destdir=*)
        take_option "${1%%=*}" "${1#*=}"
        ;;
      --credentials) credentials=yes ;;
      --dry-run) dry=yes ;;
      --check) dry=yes check=yes ;;
      --no-restart) restart=no ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      --live) live=yes ;;
      --version | -V) show_version=yes ;;
      --help | -h) manual && exit 0 ;;
      *) usage "unknown option ${1%%=*}" ;;
    esac
    shift
  done
  if [ "$purge$uninstall" = yesno ]; then usage '--purge goes with --uninstall'; fi
  if [ "$live" = yes ] && [ -z "$destdir" ]; then usage '--live goes with --destdir'; fi
  if [ "$token_from$key_from" = -- ]; then usage 'only one of --token-file and --api-key-file can be standard input'; fi
  [ -n "$destdir" ] || live=yes
}

take_option() {
  [ -n "$2" ] || usage "$1 needs a value"
  case $2 in *"$NL"*) usage "$1: a line break" ;; esac
  case $1 in
    --tag) tag=$2 ;;
    --host) host=$2 ;;
    --interval) interval=$2 ;;
    --provider) provider=$2 ;;
    --token-file) token_from=$2 ;;
    --api-key-file) key_from=$2 ;;
    --release) release=$2 ;;
    --destdir)
      destdir=${2%/}
      case $destdir in /*) ;; *) usage "--destdir: a folder by its path from the root, other than /" ;; esac
      ;;
  esac
}

# Without a reader there is nothing more to say, nor to do.
show() { printf '%s\n' "$1" 2>/dev/null || exit 141; }
info() { show "$*"; }
warn() { printf 'install.sh: warning: %s\n' "$*" >&2; }
fatal() {
  printf 'install.sh: error: %s\n' "$*" >&2
  exit 1
}

usage() {
  printf 'install.sh: error: %s\n' "$*" >&2
  hint
  exit 2
}
hint() { printf 'install.sh --help lists the options\n' >&2; }

manual() { sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"; }

# Runs a command that says nothing; if it fails, its own words are the error.
try() {
  said=$("$@" 2>&1) || fatal "${said:-$1 failed}"
}


# ------------------------------------------------------------------------------------------------------- what is checked

# To a temporary folder; what is beside this script is not used then.
unpack_release() {
  [ -f "$release" ] || fatal "--release: there is no $release"
  archive=$(cd "$(dirname "$release")" && pwd -P)/${release##*/}
  if [ -f "${archive%/*}/SHA256SUMS" ]; then
    (cd "${archive%/*}" && grep "  ${archive##*/}\$" SHA256SUMS | sha256sum -c --status) ||
      fatal "$release does not match the SHA256SUMS beside it: download it again"
  fi
  temporary=$(mktemp -d)
  said=$(tar -xf "$archive" -C "$temporary" 2>&1) ||
    fatal "cannot unpack $release: $(show "$said" | sed -n 1p) (damaged, no room in ${TMPDIR:-/tmp}, or no xz-utils)"
  here=$(echo "$temporary"/fetch-activity-logs-*)
  [ -d "$here" ] || fatal "$release is not a release of fetch-activity-logs"
}

check_release() {
  for source in fluent-bit/activity-log.conf fluent-bit/fluent-bit.conf fluent-bit/parsers.conf \
    systemd/activity-log.env systemd/fluent-bit.service.d/10-activity-log.conf \
    systemd/fluent-bit.service.d/20-activity-log-credentials.conf; do
    [ -f "$here/$source" ] || fatal "$here/$source is missing: run install.sh where it was unpacked"
  done
}

check_root_and_systemd() {
  [ "$(id -u)" = 0 ] || fatal 'needs root: sudo ./install.sh'
  if [ ! -d "$destdir/run/systemd/system" ] || ! command -v systemctl >/dev/null; then
    fatal 'this machine does not run systemd'
  fi
  unit_start=$(show_unit ExecStart)
  fluent_bit=$(show "$unit_start" | sed -n 's/^.*path=\([^ ;]*\).*$/\1/p')
  [ -x "$fluent_bit" ] || fluent_bit=''
  is_active=$(systemctl is-active fluent-bit 2>/dev/null) || :
  is_enabled=$(systemctl is-enabled fluent-bit 2>/dev/null) || :
}

show_unit() { systemctl show -p "$1" --value fluent-bit 2>/dev/null || :; }

check_machine() {
  command -v dpkg-query >/dev/null || fatal 'this is neither Debian nor Ubuntu: install by hand, as the README says'
  [ "$(dpkg_field db:Status-Status)" = installed ] ||
    fatal 'the package fluent-bit is not installed: see https://docs.fluentbit.io/manual/installation'
  config=$(show "$unit_start" | sed -n 's/^.*argv\[\]=[^;]* \(-c\|--config\)[ =]*\([^ ;]*\).*$/\2/p' | tr -s /)
  case $config in
    "$MAIN" | '') ;;
    *) fatal "fluent-bit.service reads $config, not $MAIN: install by hand, as the README says" ;;
  esac
  [ ! -L "$destdir$MAIN" ] ||
    fatal "$MAIN is a symbolic link, so something else looks after it: install by hand, as the README says"
  [ -f "$destdir$MAIN" ] || fatal "there is no $MAIN: install the package fluent-bit again, with --force-confmiss"
  check_credentials
}

dpkg_field() { dpkg-query -W -f "\${$1}\n" fluent-bit 2>/dev/null || :; }

check_credentials() {
  [ ! -e "$destdir$CREDENTIALS_DROP_IN" ] || credentials=yes
  unit_user=$(show_unit User)
  if [ "$credentials" = yes ]; then
    systemd_version=$(systemctl --version | sed -n '1s/^[^0-9]*\([0-9]*\).*$/\1/p')
    [ "${systemd_version:-0}" -ge "$MIN_CREDENTIALS_SYSTEMD" ] ||
      fatal "--credentials needs systemd $MIN_CREDENTIALS_SYSTEMD or newer; this is ${systemd_version:-unknown}"
  elif [ "${unit_user:-root}" != root ]; then
    fatal "fluent-bit runs as $unit_user, who cannot read root's token file: use --credentials"
  fi
}

# Of a release: an executable that holds its Node.js. Of a checkout: a script, and the Node.js that built it in $node.
find_program() {
  node='' built=$here/fetch-activity-logs
  if [ -f "$built" ]; then
    check_architecture
  else
    find_built
  fi
  program --version </dev/null >/dev/null 2>&1 ||
    fatal "$built does not run here: it needs glibc 2.28 or newer, which musl is not, and an archive that is whole"
}

check_architecture() {
  case $(od -A n -t x1 -N 20 "$built" | tr -d ' \n')-$(uname -m) in
    7f454c46*3e00-x86_64 | 7f454c46*b700-aarch64) ;;
    7f454c46*) fatal "$built is for another architecture; this machine is $(uname -m)" ;;
  esac
}

find_built() {
  elsewhere="build it with another Node.js, or install a release: --release FILE"
  [ -f "$here/package.json" ] || fatal "$built is missing: unpack the release archive again"
  built=$here/dist/fetch-activity-logs.js
  [ -f "$built" ] || fatal "$built is missing: npm ci && npm run build there first, or install a release: --release FILE"
  if [ -n "$(find "$here/src" -newer "$built" 2>/dev/null | sed 1q)" ]; then
    warn "$built is older than the sources; if that was an upgrade: npm ci && npm run build there, then this again"
  fi
  node=$(cat "$here/dist/built-with")
  case $node-$(readlink -f "$node") in
    *[[:space:]]*) fatal "$node built it, and its path has a blank: $elsewhere" ;;
    /home/* | /root/* | "${HOME:-/root}"/* | *-/home/* | *-/root/* | *-"${HOME:-/root}"/*)
      fatal "$node built it, which is in a home folder (nvm?), where the service cannot count on it: $elsewhere"
      ;;
    /snap/* | *-/usr/bin/snap) fatal "$node built it, which is a snap, and moves on its own: $elsewhere" ;;
  esac
  [ -x "$node" ] || fatal "$node built it and is not there: $elsewhere"
}

program() { if [ -n "$node" ]; then "$node" "$built" "$@"; else "$built" "$@"; fi; }

# The folders to be written to, or the ones in which they will be made.
check_folders() {
  for folder in "${SCRIPT%/*}" "${LINK%/*}" "$ETC/outputs" "$DROP_INS" "$STATE"; do
    while [ -n "$folder" ] && [ ! -e "$destdir$folder" ]; do folder=${folder%/*}; done
    folder=$destdir$folder
    [ -e "$folder" ] || continue
    [ -d "$folder" ] || fatal "$folder is not a folder"
    if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then fatal "cannot write to the folder $folder"; fi
    check_room "$folder"
  done
}

# check_room FOLDER: for the new program beside the old one, where that is, and for the rest.
check_room() {
  needed=$SPARE_KB
  case $destdir${SCRIPT%/*} in "$1" | "$1"/*) needed=$((needed + $(stat -c %s "$built") / 1024)) ;; esac
  free=$(df -P -k "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$needed" ] || fatal "too little room in $1: it takes $((needed / 1024)) MB, and $((free / 1024)) MB are free"
}

# --------------------------------------------------------------------------------------------- changes, and their undoing

# Two at once would undo each other's work. What an earlier run left unfinished (power cut, kill -9) is undone first.
begin() {
  owner=$(stat -c %u "${destdir:-/}" 2>/dev/null) || owner=$(id -u)
  if [ -d "${destdir:-/}" ] && command -v flock >/dev/null; then
    exec 9<"${destdir:-/}"
    flock -n 9 || fatal 'another install.sh is running'
  fi
  if [ -e "$destdir$UNDO/journal" ]; then
    tell 'an earlier run did not get to its end: it is undone first' 'would be undone: what an earlier run did not end'
    need_reload=yes need_restart=yes
    [ "$dry" = yes ] || put_back || fatal "$UNDO has copies of what could not be put back"
  fi
  [ "$dry" = no ] || return 0
  [ ! -e "$destdir$UNDO" ] || try rm -r "$destdir$UNDO"
  at_work=yes
  umask 022
  try mkdir -p "$destdir$ETC"
  umask 077
  try mkdir "$destdir$UNDO"
}

# tell DONE WOULD: a change, as done or as what would be done.
tell() {
  changes=$((changes + 1))
  if [ "$dry" = yes ]; then info "$2"; else info "$1"; fi
}

# put MODE PATH COMMAND…: makes PATH what COMMAND prints. MODE as-is: that and the owner which it has. Sets $changed.
put() {
  mode=$1 target=$2 file=$destdir$2 changed=no verb=installed
  shift 2
  [ ! -d "$file" ] || fatal "$file is a folder"
  if [ -e "$file" ]; then
    verb=changed
    if [ "$mode" = as-is ] || [ -L "$file" ] || [ "$(stat -c %a:%u "$file")" = "$mode:$owner" ]; then
      if "$@" | cmp -s - "$file"; then return 0; fi
    fi
  fi
  [ ! -L "$file" ] || fatal "$file is a symbolic link, so something else looks after it: change what it points to"
  changed=yes
  if [ "$dry" = no ]; then
    remember_file "$target"
    [ "$mode" != as-is ] || try cp -p "$file" "$file$NEW"
    "$@" >"$file$NEW" || fatal "cannot write $file"
    [ "$mode" = as-is ] || try chmod "$mode" "$file$NEW"
    try mv -f "$file$NEW" "$file"
  fi
  tell "$verb: $target" "would be $verb: $target"
}

# Removes a file, if it is there. Sets $changed.
drop() {
  changed=no
  case $dropped in *"$NL$1$NL"*) return 0 ;; esac
  if [ ! -e "$destdir$1" ] && [ ! -L "$destdir$1" ]; then return 0; fi
  changed=yes dropped=$dropped$NL$1$NL
  if [ "$dry" = no ]; then
    remember_file "$1"
    try rm -f "$destdir$1"
  fi
  tell "removed: $1" "would be removed: $1"
}

# put_link PATH TARGET: a symbolic link, unless something else is there.
put_link() {
  if [ -e "$destdir$1" ] || [ -L "$destdir$1" ]; then
    [ "$(readlink "$destdir$1")" = "$2" ] || warn "$1 is not ours and stays"
    return 0
  fi
  if [ "$dry" = no ]; then
    remember_file "$1"
    try ln -s "$2" "$destdir$1"
  fi
  tell "installed: $1" "would be installed: $1"
}

# Makes a folder and those it lies in, which all may read.
make_folder() {
  [ ! -d "$destdir$1" ] || return 0
  make_folder "${1%/*}"
  remember made "$1"
  try mkdir "$destdir$1"
  try chmod 755 "$destdir$1"
}

# To be called before a change of PATH: a copy first, then the line in the journal, then the change.
remember_file() {
  make_folder "${1%/*}"
  if [ -e "$destdir$1" ] || [ -L "$destdir$1" ]; then
    copies=$((copies + 1))
    # A second name costs no room; no file is changed in its place.
    ln "$destdir$1" "$destdir$UNDO/$copies" 2>/dev/null || try cp -pP "$destdir$1" "$destdir$UNDO/$copies"
    remember "$copies" "$1"
  else
    remember created "$1"
  fi
}

remember() { printf '%s %s\n' "$1" "$2" >>"$destdir$UNDO/journal" || fatal "cannot write $UNDO/journal"; }

# Undoes what the journal tells, the last thing first.
put_back() {
  lost=no
  while read -r how path; do
    case $how in
      '') ;;
      created) rm -f "$destdir$path" "$destdir$path$NEW" ;;
      # What the service has written into it meanwhile is nobody's to throw away.
      made) rmdir "$destdir$path" 2>/dev/null || : ;;
      mode-*) chmod "${how#mode-}" "$destdir$path" ;;
      *) cp -pP "$destdir$UNDO/$how" "$destdir$path$NEW" && mv -f "$destdir$path$NEW" "$destdir$path" ;;
    esac || lost=yes
  done <<END
$(tac "$destdir$UNDO/journal" 2>/dev/null)
END
  [ "$lost" = no ]
}

finish() {
  status=$?
  trap '' HUP INT PIPE TERM
  trap - EXIT
  if [ "$at_work" = yes ]; then
    if put_back; then
      [ ! -s "$destdir$UNDO/journal" ] || warn 'everything was put back as it was' || :
      rm -rf "$destdir$UNDO"
    else
      warn "not everything could be put back: $UNDO has copies of what was there" || :
    fi
    put_service_back || warn 'Fluent Bit does not start again: journalctl -u fluent-bit says why' || :
  fi
  [ -z "$temporary" ] || rm -rf "$temporary"
  exit "$status"
}

put_service_back() {
  [ "$enabled" = no ] || systemctl --quiet disable fluent-bit
  [ "$reloaded" = no ] || systemctl daemon-reload
  [ "$restarted" = yes ] || return 0
  if [ "$is_active" = active ]; then start_again; else systemctl stop fluent-bit; fi
}

# Without the journal there is no way back.
commit() {
  [ "$dry" = no ] || return 0
  try rm -f "$destdir$UNDO/journal"
  at_work=no
  rm -rf "$destdir$UNDO" || warn "$UNDO could not be removed"
}

# -------------------------------------------------------------------------------------------- the files that users may edit

checksum() { sha256sum | cut -d' ' -f1; }

read_record() { installed=$(cat "$destdir$RECORD" 2>/dev/null) || installed=''; }

# The checksum under which a file was installed, if it was.
recorded() {
  case $NL$installed$NL in *"  $1$NL"*) show "$installed" | awk -v path="$1" '$2 == path { print $1 }' ;; esac
}

# Those in the record that are there, but for fluent-bit.conf.
recorded_files() {
  show "$installed" | awk -v main="$MAIN" '$2 ~ /^\// && index($2, main) != 1 { print $2 }' | while read -r path; do
    [ ! -f "$destdir$path" ] || show "$path"
  done
}

# Where in the release a file comes from. The package has a parsers.conf of its own, so ours gets another name.
source_of() {
  case $1 in
    "$DROP_INS"/*) show "$here/systemd/fluent-bit.service.d/${1##*/}" ;;
    "$ETC/activity-log-parsers.conf") show "$here/fluent-bit/parsers.conf" ;;
    *) printf '%s\n' "$here/fluent-bit/${1#"$ETC/"}" ;;
  esac
}

# What we ship for a path. A fluent-bit.conf that names a storage.path keeps it (activity-log.conf says why).
render() {
  if [ "$1$(fact storage-path)" = "$ETC/activity-log.conf"theirs ]; then
    sed 's/^\( *\)\(storage\.path \)/\1#\2/' "$(source_of "$1")"
  else
    cat "$(source_of "$1")"
  fi
}

# Whether a file has been edited since it was installed, or was there before. Sets $ours, $before: what we ship, and had.
is_theirs() {
  ours=$(render "$1" | checksum)
  before=$(recorded "$1")
  [ -f "$destdir$1" ] || return 1
  is_now=$(checksum <"$destdir$1")
  [ "$is_now" != "$ours" ] && [ "$is_now" != "$before" ]
}

# Installs a file that users may edit, unless they have. Sets $changed.
put_config() {
  if is_theirs "$1"; then
    changed=no
    # Said once for each new one of ours. What was there before us is not in the record, and so not ours to remove.
    [ "$before" = "$ours" ] || warn "$1 is yours and stays; what is new in ours: diff $1 $(source_of "$1")"
    [ -n "$before" ] || return 0
  else
    put 644 "$1" render "$1"
  fi
  record="$record$ours  $1$NL"
}

# Leaves in the record what it has of a path.
keep_record() {
  sum=$(recorded "$1")
  [ -z "$sum" ] || record="$record$sum  $1$NL"
}

# The paths of the pipeline's files.
pipeline_files() {
  for file in "$here"/fluent-bit/*.conf "$here"/fluent-bit/outputs/*.conf; do
    case $file in
      */fluent-bit/fluent-bit.conf | */activity-log-parsers.conf) ;;
      */parsers.conf) show "$ETC/activity-log-parsers.conf" ;;
      *) printf '%s\n' "$ETC/${file#"$here/fluent-bit/"}" ;;
    esac
  done
}

# ------------------------------------------------------------------------------------------------- what the program decides

# Has the program decide on the values and on fluent-bit.conf; leaves in $stage what the files become.
plan() {
  read_record
  stage=$destdir$UNDO/plan
  if [ "$dry" = yes ]; then
    [ -n "$temporary" ] || temporary=$(mktemp -d)
    stage=$temporary/plan
  fi
  try mkdir "$stage"
  is_stock=no
  if [ "$live" = yes ] && [ "$(md5sum <"$destdir$MAIN" | cut -d' ' -f1)" = "$(package_checksum)" ]; then is_stock=yes; fi
  pipeline=$ETC/activity-log.conf
  if is_theirs "$pipeline"; then pipeline=$destdir$pipeline; else pipeline=$(source_of "$pipeline"); fi
  set -- --root "${destdir:-/}" --into "$stage" --template "$here/systemd/activity-log.env" --pipeline "$pipeline"
  [ -z "$tag" ] || set -- "$@" "--tag=$tag"
  [ -z "$host" ] || set -- "$@" "--host=$host"
  [ -z "$interval" ] || set -- "$@" "--interval=$interval"
  [ -z "$provider" ] || set -- "$@" "--provider=$provider"
  [ -z "$token_from" ] || set -- "$@" "--token-file=$token_from"
  [ -z "$key_from" ] || set -- "$@" "--api-key-file=$key_from"
  [ "$credentials" = no ] || set -- "$@" --credentials
  [ "$dry" = no ] || set -- "$@" --dry-run
  if [ "$live$is_stock" != yesno ]; then set -- "$@" --ignore-main; fi
  program setup plan "$@" || refused $?
  missing=$(cat "$stage/missing") interval=$(fact interval) tag=$(fact tag) taken=$(fact blocks)
}

# The program has said why.
refused() {
  [ "$1" != 2 ] || hint
  exit "$1"
}

# Of fluent-bit.conf as the package brought it, in dpkg's record.
package_checksum() { dpkg_field Conffiles | sed -n "s|^ *$MAIN \([0-9a-f]*\).*\$|\1|p"; }

# What the program has to say of one thing; nothing before it was asked.
fact() { if [ -f "$stage/facts" ]; then sed -n "s/^$1 //p" "$stage/facts"; fi; }

# Puts our file in the place of the package's, or our line into one that the user has changed.
install_main() {
  changed=no
  if [ "$is_stock" = yes ]; then
    put 600 "$MAIN_BACKUP" cat "$destdir$MAIN"
    put as-is "$MAIN" render "$MAIN"
    record="$record$(render "$MAIN" | checksum)  $MAIN$NL"
  elif [ -z "$(fact include)" ] || [ -n "$taken" ]; then
    put 600 "$MAIN_BACKUP" cat "$destdir$MAIN"
    put as-is "$MAIN" cat "$stage/fluent-bit.conf"
    record="$record$(checksum <"$stage/fluent-bit.conf")  $MAIN_BACKUP$NL"
  elif [ -n "$(recorded "$MAIN")" ]; then
    put_config "$MAIN"
  else
    keep_record "$MAIN_BACKUP"
  fi
}

# --------------------------------------------------------------------------------------------------------------- install

install() {
  record=''
  install_program
  install_pipeline
  install_values
  install_drop_ins
  install_state
  if [ "$live" = yes ]; then
    if [ -z "$missing" ]; then
      install_main
      [ "$changed" = no ] || need_restart=yes
    else
      keep_record "$MAIN"
      keep_record "$MAIN_BACKUP"
    fi
    keep_record enabled
    tell_service
    [ "$dry" = yes ] || put 600 "$RECORD" show "${record%"$NL"}"
  fi
  commit
  [ "$live" = no ] || last_words
}

# Not a reason to restart: each run starts it anew.
install_program() {
  if [ -n "$node" ]; then put 755 "$SCRIPT" render_script; else put 755 "$SCRIPT" cat "$built"; fi
  put_link "$LINK" "$SCRIPT"
  page=${built%/*}/${MANUAL##*/}
  [ ! -f "$page" ] || put 644 "$MANUAL" cat "$page"
}

render_script() {
  show "#!$node"
  sed 1d "$built"
}

install_pipeline() {
  for path in $(pipeline_files); do
    put_config "$path"
    [ "$changed" = no ] || need_restart=yes
  done
  # What an older version brought and this one does not.
  for path in $(recorded_files); do
    case $path-$NL$record in "$DROP_INS"/* | *"  $path$NL"*) continue ;; esac
    if [ "$(checksum <"$destdir$path")" = "$(recorded "$path")" ]; then drop "$path"; else keep_record "$path"; fi
  done
}

install_values() {
  put 600 "$ENV_FILE" cat "$stage/activity-log.env"
  [ "$changed" = no ] || need_restart=yes
  changed=no
  if [ -f "$stage/activity-log.token" ]; then
    put 600 "$TOKEN_FILE" cat "$stage/activity-log.token"
  elif [ -L "$destdir$TOKEN_FILE" ]; then
    : # Something else looks after it, and after its mode.
  elif [ -f "$destdir$TOKEN_FILE" ]; then
    put 600 "$TOKEN_FILE" cat "$destdir$TOKEN_FILE"
  elif [ -z "$(fact token-in)" ]; then
    # Empty, so that it has the right mode when it is filled in.
    put 600 "$TOKEN_FILE" :
  fi
  if [ "$changed$credentials" = yesyes ]; then need_restart=yes; fi
}

install_drop_ins() {
  put_config "$DROP_IN"
  [ "$changed" = no ] || need_reload=yes
  [ "$credentials" = yes ] || return 0
  put_config "$CREDENTIALS_DROP_IN"
  [ "$changed" = no ] || need_reload=yes
}

install_state() {
  if [ ! -d "$destdir$STATE" ]; then
    [ "$dry" = yes ] || make_folder "$STATE"
    tell "installed: $STATE" "would be installed: $STATE"
  elif [ "$(stat -L -c %a "$destdir$STATE")" != 700 ]; then
    [ "$dry" = yes ] || remember "mode-$(stat -L -c %a "$destdir$STATE")" "$STATE"
    tell "changed: $STATE, to 0700" "would be changed: $STATE, to 0700"
  fi
  [ "$dry" = yes ] || try chmod 700 "$destdir$STATE"
}

# --------------------------------------------------------------------------------------------------------------- service

# Without all values only the unit is read again: its drop-in is there.
tell_service() {
  [ "$need_reload" = no ] || need_restart=yes
  if [ -z "$missing" ] && [ -n "$(recorded restart)" ]; then need_restart=yes; fi
  if [ "$need_restart" = no ]; then
    keep_record restart
    # Somebody has edited the unit: until it is read again, systemctl show shows what was deleted.
    [ "$(show_unit NeedDaemonReload)" != yes ] || { tell 'reading the unit again' 'the unit would be read again' && reload; }
    return 0
  fi
  [ -n "$missing" ] || accept
  reload
  [ -n "$missing" ] || restart
  # By the next run: what was put down is not in force yet.
  if [ "$restarted" = no ]; then record="${record}owed  restart$NL"; fi
}

# Fluent Bit has to take the configuration.
accept() {
  if [ -z "$fluent_bit" ] || [ ! -f "$destdir$MAIN" ]; then return 0; fi
  if [ "$dry" = yes ]; then
    info 'would be tried: fluent-bit --dry-run'
    return 0
  fi
  set -- "$fluent_bit" -c "$destdir$MAIN" --dry-run
  said=$(cd / && export_settings && "$@" 2>&1 </dev/null 9<&-) && return 0
  found_key=$(fact key)
  # One line, without colours; where it holds a key that stands in the file, not even that.
  said=$(show "$said" | sed "s/$(printf '\033')\[[0-9;]*m//g" | grep -i -m 1 error) || said='it does not say why'
  case $said in *"${found_key:-$NL}"*) said='(the message holds a secret)' ;; esac
  fatal "Fluent Bit refuses the configuration: $said"
}

# The service's settings, for a child process: those of its unit, then those of its files. The key is not needed.
export_settings() {
  set -f
  for setting in $(show_unit Environment); do export_setting "$setting"; done
  while IFS= read -r setting; do
    export_setting "$setting"
  done <<END
$(show_unit EnvironmentFiles | sed 's/ (ignore_errors=[a-z]*)$//' | while read -r file; do cat "$destdir$file"; done 2>/dev/null)
$(cat "$stage/activity-log.env" 2>/dev/null)
ACTIVITY_LOG_API_KEY=secret
END
}

export_setting() {
  name=${1%%=*} value=${1#*=}
  case $name in *[!A-Za-z0-9_]* | [!A-Za-z_]* | "$1" | PATH | IFS) return 0 ;; esac
  case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
  export "$name=$value"
}

reload() {
  [ "$dry" = no ] || return 0
  reloaded=yes
  try systemctl daemon-reload
}

restart() {
  if [ "$restart" = no ]; then
    info 'not restarted; it takes effect with: systemctl restart fluent-bit'
    [ "$is_enabled" != disabled ] || info 'it does not start with the machine yet: systemctl enable fluent-bit'
    return 0
  fi
  tell 'restarting Fluent Bit' 'Fluent Bit would be restarted'
  [ "$dry" = no ] || return 0
  if [ "$is_enabled$uninstall" = disabledno ]; then
    enabled=yes
    try systemctl --quiet enable fluent-bit
    record="${record}by-us  enabled$NL"
  fi
  wait_for_fetcher
  restarted=yes
  try start_again
  stays_up || fatal 'Fluent Bit does not stay up: journalctl -u fluent-bit says why'
}

# The tutorial's fetcher saves its state when it ends; ended before, all that it has printed would come again.
wait_for_fetcher() {
  seconds=0 parent=$(show_unit MainPID)
  while [ "$seconds" -lt "$MAX_FETCHER_SECONDS" ] && pgrep -P "$parent" -f 'fetch_activity_logs[.]py' >/dev/null 2>&1; do
    sleep 1
    seconds=$((seconds + 1))
  done
  [ "$seconds" -lt "$MAX_FETCHER_SECONDS" ] ||
    warn "the tutorial's fetcher was at work for $MAX_FETCHER_SECONDS s and is ended: what it has printed in this run comes again"
}

# After a few crashes systemd refuses to start a unit at all, until told to forget them.
start_again() {
  systemctl reset-failed fluent-bit 2>/dev/null || :
  systemctl restart fluent-bit
}

# A unit with Restart=always looks active between two crashes.
stays_up() {
  for _ in 1 2 3; do
    sleep 1
    [ "$(systemctl is-active fluent-bit)" = active ] || return 1
  done
  case $(show_unit NRestarts) in '' | 0) ;; *) return 1 ;; esac
}

last_words() {
  if [ -n "$missing" ]; then
    info "Still missing:$NL$missing${NL}Until then fluent-bit.conf stays as it is. Then run again: sudo sh $script"
    return 0
  fi
  [ "$changes" -gt 0 ] || info 'nothing to change'
  [ "$dry" = no ] || return 0
  if [ -n "$taken" ] && [ -f "$destdir$FETCHER" ]; then info "no longer needed: $FETCHER"; fi
  "$destdir$SCRIPT" check </dev/null 9<&- || warn 'see above what is not right yet'
  info "events: the first after $interval s; in Grafana: {tag_name=\"$tag\"}"
  info 'messages of the program: journalctl -u fluent-bit'
}

# ------------------------------------------------------------------------------------------------------------- uninstall

uninstall() {
  was_restored=no states=$(find_states)
  read_record
  [ "$live" = yes ] || installed=$(record_of_all)
  uninstall_main
  uninstall_config
  drop "$SCRIPT"
  [ "$(readlink "$destdir$LINK")" != "$SCRIPT" ] || drop "$LINK"
  drop "$MANUAL"
  if [ "$purge" = yes ]; then purge_secrets; fi
  leave_service
  # Not before: a run that is under way would write it once more.
  if [ "$purge" = yes ]; then purge_state; fi
  drop "$RECORD"
  commit
  [ "$dry" = yes ] || remove_folders
  [ "$changes" -gt 0 ] || info 'nothing to remove'
  say_what_stays
}

# A packager's folder has no record: there all of it is ours.
record_of_all() {
  for path in $(pipeline_files) "$DROP_IN" "$CREDENTIALS_DROP_IN"; do
    [ ! -f "$destdir$path" ] || show "$(checksum <"$destdir$path")  $path"
  done
}

# The backup comes back; what you have edited since stays, without what is ours.
uninstall_main() {
  main_file=$destdir$MAIN
  [ -f "$main_file" ] || return 0
  left=$(recorded "$MAIN")$(recorded "$MAIN_BACKUP")
  if [ -f "$destdir$MAIN_BACKUP" ] && [ "$left" = "$(checksum <"$main_file")" ]; then
    main_file=$destdir$MAIN_BACKUP was_restored=yes
  fi
  if is_with_us; then
    find_program
    put as-is "$MAIN" program setup restore --root "${destdir:-/}" "$main_file"
  else
    put as-is "$MAIN" cat "$main_file"
  fi
  [ "$changed" = no ] || need_restart=yes
  [ "$was_restored" = no ] || drop "$MAIN_BACKUP"
}

is_with_us() {
  grep -q -i -E '^(#~# |[[:space:]]*@include[[:space:]](.*/)?activity-log\.conf)' "$main_file"
}

# What you have edited stays, but not in force.
uninstall_config() {
  for path in $(recorded_files); do
    if [ "$purge" = no ] && [ "$(checksum <"$destdir$path")" != "$(recorded "$path")" ]; then
      put 600 "$path.saved" cat "$destdir$path"
    fi
    drop "$path"
    need_reload=yes need_restart=yes
  done
  # Put there by hand, or by an install.sh whose record is gone: without its EnvironmentFile= nothing would start.
  for path in "$DROP_IN" "$CREDENTIALS_DROP_IN"; do
    if [ ! -f "$destdir$path" ] || [ -n "$(recorded "$path")" ]; then continue; fi
    put 600 "$path.saved" cat "$destdir$path"
    drop "$path"
    need_reload=yes need_restart=yes
  done
}

leave_service() {
  [ "$live$need_restart" = yesyes ] || return 0
  accept
  reload
  if [ "$is_active" != active ]; then return 0; fi
  # If it was not enabled before us and has no other purpose since.
  if [ "$was_restored$(recorded enabled)" = yesby-us ] && [ "$restart" = yes ]; then
    tell 'stopping Fluent Bit, as it was before' 'Fluent Bit would be stopped, as it was before'
    [ "$dry" = no ] || return 0
    restarted=yes
    try systemctl stop fluent-bit
    try systemctl --quiet disable fluent-bit
  else
    restart
  fi
}

purge_secrets() {
  for path in "$destdir$ENV_FILE" "$destdir$MAIN_BACKUP" "$destdir$ETC"/*.token; do
    if [ -e "$path" ] || [ -L "$path" ]; then drop "${path#"$destdir"}"; fi
  done
}

# The state files of this machine's inputs: those with our names, and those that the settings name.
find_states() {
  for file in "$destdir$STATE"/*_state.json; do show "${file#"$destdir"}"; done
  sed -n -E -e 's/^ACTIVITY_LOG_STATE_FILE=//p' -e 's/^[^#]*--state-file[ =]([^ ]+).*/\1/p' \
    "$destdir$ENV_FILE" "$destdir$ETC"/*.conf 2>/dev/null | grep "^$STATE/" || :
}

# The tutorial's fetcher goes on from its state.
purge_state() {
  for state in $states; do
    for path in "$destdir$state"* "$destdir${state%_state.json}"_journal/* "$destdir${state%.json}"_journal/* \
      "$destdir${state%/*}"/oversize.jsonl* "$destdir${state%/*}"/rejected.jsonl*; do
      if is_back && [ "$path" = "$destdir$STATE/activity_log_state.json" ]; then continue; fi
      if [ -f "$path" ]; then drop "${path#"$destdir"}"; fi
    done
  done
}

# Whether fluent-bit.conf runs the tutorial's fetcher again.
is_back() { grep -q -s '^[^#]*fetch_activity_logs\.py' "$destdir$MAIN"; }

# Those that are empty; with --purge also the chunks of Fluent Bit, unless its configuration names the place.
remove_folders() {
  if [ "$purge" = yes ]; then
    grep -r -q -s "^[^#]*$STATE/storage" "$destdir$ETC" || rm -rf "$destdir$STATE/storage" || :
    find "$destdir$STATE" -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null || :
  fi
  for folder in "$ETC/outputs" "$DROP_INS" "${SCRIPT%/*}" "${MANUAL%/*}" "$STATE"; do
    if [ "$folder$purge" != "$STATE"no ]; then rmdir "$destdir$folder" 2>/dev/null || :; fi
  done
}

say_what_stays() {
  for path in "$destdir$ENV_FILE" "$destdir$ETC"/*.token "$destdir$STATE" "$destdir$MAIN_BACKUP" \
    "$destdir$ETC"/*.saved "$destdir$ETC"/*/*.saved "$destdir$DROP_INS"/*.saved; do
    case $dropped in *"$NL${path#"$destdir"}$NL"*) continue ;; esac
    if [ "$dry$purge$path" = "yesyes$destdir$STATE" ]; then continue; fi
    if [ -e "$path" ]; then info "stays: ${path#"$destdir"}"; fi
  done
  ! is_back || info "the tutorial's fetcher runs again: it needs IONOS_API_TOKEN in the unit (systemctl edit fluent-bit)"
}

main "$@"
