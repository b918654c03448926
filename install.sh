#!/bin/sh
# Installs fetch-activity-logs into the Fluent Bit of this machine, with systemd, on Debian or Ubuntu.
#
#     sudo ./install.sh --tag activityLog --host HOST --api-key-file FILE --token-file FILE
#     sudo ./install.sh --uninstall
#
# Checks first, writes after. If anything fails, also in Fluent Bit's own test of the configuration or in its restart,
# everything is put back as it was. A second run changes nothing and restarts nothing. What you have edited stays on an
# upgrade; what is new then lies beside it as FILE.new. Without an option the value stays that is there; on the first
# run, tag, host, interval and key are taken from the blocks of the IONOS tutorial if fluent-bit.conf has them.
#
#     --tag NAME            tag of the events; at the Logging Service the pipeline's tag
#     --host HOST           where they go, without scheme and path
#     --interval SECONDS    between two runs, 10 to 86400 [300]
#     --provider NAME       ionos or cloudscale [ionos]
#     --token-file FILE     the API's token; - for standard input. No secret is ever an option itself.
#     --api-key-file FILE   the destination's key; - for standard input
#     --credentials         hand the token to a service with a User= of its own (systemd 247 or newer);
#     --no-credentials      and no longer
#     --node PATH           the Node.js to run it with [the one on PATH, else the distribution's]
#     --setup-node          set up NodeSource's repository where neither will do
#     --dry-run             say what would change, and change nothing
#     --check               the same, with exit code 1 if something would
#     --no-restart          leave the restart of Fluent Bit to you
#     --uninstall           remove everything but state and secrets, and bring back fluent-bit.conf; Node.js stays
#     --purge               with --uninstall: those, too
#     --destdir DIR         for packagers: put the files under DIR; this machine is neither looked at nor touched
#     --live                with --destdir, for tests: look at the machine and restart, as without it
#     --help                this text
#
# What goes where:
#
#     /opt/fluent-bit/scripts/fetch-activity-logs                            the program
#     /etc/fluent-bit/activity-log.conf, activity-log-parsers.conf,          the pipeline, included by fluent-bit.conf
#     cloudscale.conf, outputs/*.conf
#     /etc/fluent-bit/activity-log.env, activity-log.token                   values and key, token (0600)
#     /etc/systemd/system/fluent-bit.service.d/10-activity-log.conf          how the service gets them
#     /etc/systemd/system/fluent-bit.service.d/20-activity-log-credentials.conf     with --credentials
#     /var/lib/fluent-bit/                                                   state (0700)
#
# Exit codes: 0 done, 1 not done or (--check) something would change, 2 wrong usage.

set -eu
umask 077
LC_ALL=C
export LC_ALL
unset CDPATH
PATH=$PATH:/usr/sbin:/sbin
export PATH

MIN_NODE=20.18.1
NODESOURCE_KEY_URL=https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key
NODESOURCE_KEY=/usr/share/keyrings/nodesource.asc
NODESOURCE_LIST=/etc/apt/sources.list.d/nodesource.list
NODESOURCE_LINE="deb [signed-by=$NODESOURCE_KEY] https://deb.nodesource.com/node_24.x nodistro main"
# Since that version a chunk that is refused is kept (storage.keep.rejected).
MIN_FLUENT_BIT=4.2
MIN_CREDENTIALS_SYSTEMD=247
# What a line "#!" may hold on older kernels, less the "#!" and the end.
MAX_SHEBANG=124
DEFAULT_INTERVAL=300
# How long a run of the tutorial's fetcher is waited for.
MAX_FETCHER_SECONDS=60

SCRIPT=/opt/fluent-bit/scripts/fetch-activity-logs
ETC=/etc/fluent-bit
MAIN=$ETC/fluent-bit.conf
MAIN_BACKUP=$MAIN.before-activity-log
ENV_FILE=$ETC/activity-log.env
TOKEN_FILE=$ETC/activity-log.token
DROP_INS=/etc/systemd/system/fluent-bit.service.d
DROP_IN=$DROP_INS/10-activity-log.conf
CREDENTIALS_DROP_IN=$DROP_INS/20-activity-log-credentials.conf
STATE=/var/lib/fluent-bit
STORAGE=$STATE/storage
# What was installed, as checksums, and what was there before: tells your edits from ours, and the way back.
RECORD=$ETC/.activity-log.installed
INCLUDE='@INCLUDE activity-log.conf'

NL='
'
CR=$(printf '\r')

main() {
  parse_options "$@"
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ "$action" = uninstall ]; then
    check_machine_for_removal
    lock
    uninstall
  else
    check_sources
    check_machine
    find_node
    find_builder
    read_secrets
    check_folders
    lock
    plan
    install
  fi
  if [ "$check" = yes ] && [ "$changes" -gt 0 ]; then exit 1; fi
}

# ---------------------------------------------------------------------------------------------------- options, messages

parse_options() {
  action=install destdir='' live=no dry=no check=no restart=yes purge=no setup_node=no credentials=as-is
  tag='' host='' interval='' provider='' token_from='' key_from='' node_option=''
  changes=0 journal='' committed=no need_reload=no need_restart=no
  reloaded=no restarted=no enabled=no was_active=yes node_installed=''
  while [ $# -gt 0 ]; do
    case $1 in
      --tag | --host | --interval | --provider | --token-file | --api-key-file | --node | --destdir)
        [ $# -ge 2 ] || usage "$1 needs a value"
        take_option "$1" "$2"
        shift
        ;;
      --tag=* | --host=* | --interval=* | --provider=* | --token-file=* | --api-key-file=* | --node=* | --destdir=*)
        take_option "${1%%=*}" "${1#*=}"
        ;;
      --credentials) credentials=yes ;;
      --no-credentials) credentials=no ;;
      --setup-node) setup_node=yes ;;
      --dry-run) dry=yes ;;
      --check) dry=yes check=yes ;;
      --no-restart) restart=no ;;
      --uninstall) action=uninstall ;;
      --purge) purge=yes ;;
      --live) live=yes ;;
      --help | -h) manual && exit 0 ;;
      *) usage "unknown option ${1%%=*}" ;;
    esac
    shift
  done
  if [ "$purge" = yes ] && [ "$action" != uninstall ]; then usage '--purge goes with --uninstall'; fi
  if [ "$live" = yes ] && [ -z "$destdir" ]; then usage '--live goes with --destdir'; fi
  if [ "$token_from$key_from" = -- ]; then usage 'only one of --token-file and --api-key-file can be standard input'; fi
  [ -n "$destdir" ] || live=yes
}

take_option() {
  [ -n "$2" ] || usage "$1 needs a value"
  case $2 in *"$NL"*) usage "$1: a line break" ;; esac
  case $1 in
    --tag) tag=$2 && check_tag "$tag" --tag ;;
    --host) host=$2 && check_host "$host" --host ;;
    --interval) interval=$2 && check_interval "$interval" --interval ;;
    --provider)
      provider=$2
      case $provider in ionos | cloudscale) ;; *) usage "--provider: ionos or cloudscale, not $provider" ;; esac
      ;;
    --token-file) token_from=$2 ;;
    --api-key-file) key_from=$2 ;;
    --node) node_option=$2 ;;
    --destdir)
      case $2 in /*) ;; *) usage "--destdir: a path from the root, not $2" ;; esac
      destdir=${2%/}
      [ -n "$destdir" ] || usage '--destdir: a folder other than /'
      ;;
  esac
}

# It becomes a part of a URI, a tag with patterns that match it, and a label of Loki: no character that one of them minds.
check_tag() {
  is_tag "$1" || fatal "$2: letters, digits, dots, dashes and underscores only, not $1"
}

check_host() {
  case $1 in
    *://*) fatal "$2: the host alone, without a scheme, not $1" ;;
    */*) fatal "$2: the host alone, without a path, not $1" ;;
    *:*) fatal "$2: the host alone, without a port (it is 443), not $1" ;;
  esac
  is_host "$1" || fatal "$2: not a host name: $1"
}

check_interval() {
  is_interval "$1" || fatal "$2: seconds, 10 to 86400, not $1"
}

is_tag() {
  case $1 in '' | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

is_host() {
  case $1 in '' | *[!A-Za-z0-9.-]* | [.-]* | *[.-]) return 1 ;; esac
}

is_interval() {
  case $1 in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
  [ "$1" -ge 10 ] && [ "$1" -le 86400 ]
}

info() { printf '%s\n' "$*"; }
warn() { printf 'install.sh: warning: %s\n' "$*" >&2; }
fatal() {
  printf 'install.sh: error: %s\n' "$*" >&2
  exit 1
}
usage() {
  printf 'install.sh: %s\ninstall.sh --help lists the options\n' "$*" >&2
  exit 2
}
manual() { sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"; }

# Runs a command that says nothing; if it fails, its own words are the error.
try() {
  try_said=$("$@" 2>&1) || fatal "${try_said:-$1 failed}"
}

# ------------------------------------------------------------------------------------------------------- what is checked

check_sources() {
  here=$(cd "$(dirname "$0")" && pwd -P)
  for source in fluent-bit/activity-log.conf fluent-bit/fluent-bit.conf fluent-bit/parsers.conf \
    systemd/activity-log.env systemd/fluent-bit.service.d/10-activity-log.conf \
    systemd/fluent-bit.service.d/20-activity-log-credentials.conf; do
    [ -f "$here/$source" ] || fatal "$here/$source is missing: run install.sh where it was unpacked"
  done
}

check_machine() {
  if [ "$credentials" = as-is ]; then
    credentials=no
    [ ! -e "$destdir$CREDENTIALS_DROP_IN" ] || credentials=yes
  fi
  [ "$live" = yes ] || return 0
  check_root_and_systemd
  command -v dpkg-query >/dev/null || fatal 'this is neither Debian nor Ubuntu: install by hand, as the README tells'
  case $(dpkg_field db:Status-Status) in
    installed) ;;
    *) fatal 'the package fluent-bit is not installed: see https://docs.fluentbit.io/manual/installation' ;;
  esac
  fluent_bit_version=$(dpkg_field Version)
  if ! dpkg --compare-versions "$fluent_bit_version" ge "$MIN_FLUENT_BIT"; then
    warn "Fluent Bit $fluent_bit_version loses what a destination refuses (a wrong key, say): $MIN_FLUENT_BIT keeps it"
  fi
  read_unit
  case $unit_config in
    "$MAIN" | '') ;;
    *) fatal "fluent-bit.service reads $unit_config, not $MAIN: install by hand, as the README tells" ;;
  esac
  check_credentials
}

check_root_and_systemd() {
  [ "$(id -u)" = 0 ] || fatal 'needs root: sudo ./install.sh'
  if [ ! -d "$destdir/run/systemd/system" ] || ! command -v systemctl >/dev/null; then
    fatal 'this machine does not run systemd'
  fi
}

dpkg_field() { dpkg-query -W -f "\${$1}\n" fluent-bit 2>/dev/null || :; }

# What the service runs, and as whom.
read_unit() {
  unit_start=$(systemctl show -p ExecStart --value fluent-bit 2>/dev/null) || unit_start=''
  unit_user=$(systemctl show -p User --value fluent-bit 2>/dev/null) || unit_user=''
  fluent_bit=$(printf '%s\n' "$unit_start" | sed -n 's/^.*path=\([^ ;]*\).*$/\1/p')
  [ -x "$fluent_bit" ] || fluent_bit=$(command -v fluent-bit) || fluent_bit=''
  unit_config=$(printf '%s\n' "$unit_start" |
    sed -n -e 's/^.*argv\[\]=[^;]* \(-c\|--config\)[ =]*\([^ ;]*\).*$/\2/p' | sed 's|//*|/|g')
}

check_credentials() {
  if [ "$credentials" = yes ]; then
    systemd_version=$(systemctl --version | sed -n '1s/^[^0-9]*\([0-9]*\).*$/\1/p')
    [ "${systemd_version:-0}" -ge "$MIN_CREDENTIALS_SYSTEMD" ] ||
      fatal "--credentials needs systemd $MIN_CREDENTIALS_SYSTEMD or newer; this is ${systemd_version:-unknown}"
  else
    case $unit_user in
      '' | root) ;;
      *) fatal "fluent-bit runs as $unit_user, who cannot read root's token file: use --credentials" ;;
    esac
  fi
}

check_machine_for_removal() {
  [ "$live" = yes ] || return 0
  check_root_and_systemd
  read_unit
}

# The folders to be written to, or the ones in which they will be made.
check_folders() {
  for folder in /opt/fluent-bit/scripts "$ETC/outputs" "$DROP_INS" "$STATE"; do
    while [ ! -e "$destdir$folder" ] && [ -n "$folder" ]; do folder=${folder%/*}; done
    folder=$destdir${folder:-/}
    [ -e "$folder" ] || continue
    [ -d "$folder" ] || fatal "$folder is not a folder"
    if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then fatal "cannot write to the folder $folder"; fi
  done
}

# Two at once would undo each other's work.
lock() {
  if [ ! -d "${destdir:-/}" ] || ! command -v flock >/dev/null; then return 0; fi
  exec 9<"${destdir:-/}"
  flock -n 9 || fatal 'another install.sh is running'
}

# ----------------------------------------------------------------------------------------------------------------- Node

# Sets $node to the absolute path of the Node.js to use, and $node_setup to how it gets there: '', apt or nodesource.
find_node() {
  node_setup=''
  if [ "$live" = no ]; then
    node=${node_option:-/usr/bin/node}
    node_will_do_as_path "$node" || fatal "--node $node: $why"
    return
  fi
  if [ -n "$node_option" ]; then
    node=$node_option
    node_will_do "$node" || fatal "--node $node: $why"
    return
  fi
  if node_on_path; then return; fi
  candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: *//p') || candidate=''
  candidate=${candidate#*:}
  node=/usr/bin/node
  if at_least "$MIN_NODE" "$candidate"; then
    node_setup=apt
  elif [ "$setup_node" = yes ]; then
    node_setup=nodesource
    command -v curl >/dev/null || fatal '--setup-node needs curl: apt-get install -y curl ca-certificates'
  else
    say_how_to_get_node
  fi
}

# The one that is in use already, then those on PATH. Leaves the first refusal in $refused.
node_on_path() {
  refused=''
  in_use=$(sed -n '1s/^#!//p' "$destdir$SCRIPT" 2>/dev/null) || in_use=''
  old_ifs=$IFS
  IFS=:
  for folder in ${in_use%/*} $PATH; do
    IFS=$old_ifs
    for node in "$folder/node" "$folder/nodejs"; do
      if [ ! -x "$node" ] || [ -d "$node" ]; then continue; fi
      if node_will_do "$node"; then return 0; fi
      refused=${refused:-"$node $why"}
    done
  done
  IFS=$old_ifs
  return 1
}

node_will_do() {
  node_will_do_as_path "$1" || return 1
  node_real=$(readlink -f "$1") || node_real=$1
  for node_path in "$1" "$node_real"; do
    case $node_path in
      /snap/* | /var/lib/snapd/* | /usr/bin/snap)
        why='belongs to a snap, which changes and moves on its own: the service cannot count on it'
        return 1
        ;;
      /home/* | /root/* | "$(home_of "$(id -un)")"/* | "$(home_of "${SUDO_USER:-root}")"/*)
        why='lies in a home folder (nvm?), which the service cannot count on'
        return 1
        ;;
    esac
  done
  node_version=$("$1" --version 2>/dev/null </dev/null) || node_version=''
  if [ -z "$node_version" ]; then why='does not run' && return 1; fi
  at_least "$MIN_NODE" "$node_version" || { why="is $node_version; it takes $MIN_NODE or newer" && return 1; }
}

# It becomes the first line of the script.
node_will_do_as_path() {
  case $1 in
    /*) ;;
    *) why='is not a path from the root' && return 1 ;;
  esac
  case $1 in *[[:space:]]*) why='has a blank in its path, which no first line of a script may have' && return 1 ;; esac
  [ ${#1} -le "$MAX_SHEBANG" ] || { why='is too long a path for the first line of a script' && return 1; }
}

home_of() {
  home=$(getent passwd "$1" 2>/dev/null | cut -d: -f6) || home=''
  # A user without a home of their own has / or nothing.
  case $home in '' | /) home=/nonexistent ;; esac
  printf '%s\n' "$home"
}

# Whether version $2 is at least $1: numbers with dots, a v in front and anything behind.
at_least() (
  version=${2#v}
  version=${version%%[!0-9.]*}
  IFS=.
  # shellcheck disable=SC2086 # to be split
  set -- $1 $version
  [ $# -ge 6 ] || exit 1
  [ "$4" -gt "$1" ] || { [ "$4" -eq "$1" ] && [ "$5" -gt "$2" ]; } ||
    { [ "$4" -eq "$1" ] && [ "$5" -eq "$2" ] && [ "$6" -ge "$3" ]; }
)

say_how_to_get_node() {
  printf 'install.sh: error: %s\n' \
    "no Node.js $MIN_NODE or newer${refused:+ ($refused)}; run these, or this again with --setup-node, which does:" >&2
  cat >&2 <<END
  sudo curl -fsSL -o $NODESOURCE_KEY $NODESOURCE_KEY_URL
  echo '$NODESOURCE_LINE' | sudo tee $NODESOURCE_LIST
  sudo apt-get update && sudo apt-get install -y nodejs
END
  exit 1
}

# A package stays, whatever happens afterwards; the repository's files do not.
set_up_node() {
  case $node_setup in
    '') return 0 ;;
    nodesource)
      put 644 "$NODESOURCE_KEY" nodesource_key
      put 644 "$NODESOURCE_LIST" show "$NODESOURCE_LINE"
      run_apt update
      ;;
  esac
  run_apt install -y nodejs
  [ "$dry" = no ] || return 0
  node_installed=yes
  node_on_path || fatal "nodejs was installed, and still there is no Node.js $MIN_NODE or newer${refused:+ ($refused)}"
}

nodesource_key() {
  if [ "$dry" = yes ]; then show ''; else curl -fsSL "$NODESOURCE_KEY_URL"; fi
}

run_apt() {
  change "run: apt-get $*" "would be run: apt-get $*"
  [ "$dry" = no ] || return 0
  (umask 022 && DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >&2) || fatal "apt-get $1 failed"
}

# ---------------------------------------------------------------------------------------------------------------- build

# Sets $builder to who builds dist/, or to nothing when it is there.
find_builder() {
  built=$here/dist/fetch-activity-logs.js
  builder=''
  if [ -f "$built" ]; then return; fi
  [ -f "$here/package-lock.json" ] || fatal "$built is missing: unpack the release archive again"
  builder=$(id -un)
  [ "$(id -u)" = 0 ] || return 0
  # Packages from the network are not built as root.
  builder=${SUDO_USER:-root}
  [ "$builder" != root ] || builder=$(stat -c %U "$here")
  [ "$builder" != root ] ||
    fatal "$built is missing, and it is not built as root: run npm ci && npm run build as another user first"
}

build() {
  if [ -z "$builder" ]; then return; fi
  change "building, as $builder: npm ci, npm run build" "would be built, as $builder: $built"
  [ "$dry" = no ] || return 0
  # shellcheck disable=SC2016 # for the other shell
  set -- sh -c 'umask 022 && cd "$1" && npm ci --no-audit --no-fund && npm run build' sh "$here"
  if [ "$(id -u)" = 0 ]; then
    set -- runuser -u "$builder" -- env HOME="$(home_of "$builder")" PATH="${node%/*}:$PATH" "$@"
  fi
  "$@" </dev/null >&2 || fatal "the build failed; npm ci && npm run build in $here tells more"
  [ -f "$built" ] || fatal "the build left no $built"
}

# -------------------------------------------------------------------------------------------------------------- secrets

read_secrets() {
  token='' key=''
  if [ -n "$token_from" ]; then
    check_secret_file --token-file "$token_from"
    token=$(read_secret "$token_from")
    token=${token#[Bb]earer }
    check_secret --token-file "$token" token
  fi
  if [ -n "$key_from" ]; then
    check_secret_file --api-key-file "$key_from"
    key=$(read_secret "$key_from")
    check_secret --api-key-file "$key" key
    # systemd would take these for its own.
    case $key in *[\\\"\'\`]*) fatal '--api-key-file: quotes and backslashes are in no key' ;; esac
  fi
}

check_secret_file() {
  if [ "$2" = - ]; then
    if [ -t 0 ]; then fatal "$1 -: standard input is a terminal, which would show the secret: use a file or a pipe"; fi
    return 0
  fi
  [ -e "$2" ] || fatal "$1: there is no $2"
  if [ -d "$2" ] || [ ! -r "$2" ]; then fatal "$1: cannot read $2"; fi
  case $(stat -L -c %A "$2") in
    ????------*) ;;
    *) fatal "$1: others can read $2: chmod 600 it first" ;;
  esac
}

read_secret() {
  if [ "$1" = - ]; then cat; else cat "$1"; fi | tr -d "$CR" | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d'
}

check_secret() {
  case $2 in
    '') fatal "$1: it is empty" ;;
    *[!!-~]*) fatal "$1: not one $3 alone: it holds blanks, several lines or other characters that no $3 has" ;;
  esac
}

# --------------------------------------------------------------------------------------------- changes, and their undoing

# A change, told as done or as what would be done.
change() {
  changes=$((changes + 1))
  if [ "$dry" = yes ]; then info "$2"; else info "$1"; fi
}

# The newest comes first.
remember() { journal=$1$NL$journal; }

# put MODE PATH COMMAND…: makes PATH what COMMAND prints. MODE as-is: the one it has. Sets $put_changed to yes or no.
put() {
  put_mode=$1 put_path=$2 put_file=$destdir$2 put_changed=no put_owner='' put_done=installed
  shift 2
  [ ! -d "$put_file" ] || fatal "$put_file is a folder"
  if [ -e "$put_file" ]; then
    put_done=changed
    [ "$action" = install ] || put_done=restored
    if [ "$put_mode" = as-is ]; then
      put_mode=$(stat -c %a "$put_file")
      put_owner=$(stat -c %u:%g "$put_file")
    fi
    if "$@" | cmp -s - "$put_file" && [ "$(stat -c %a "$put_file")" = "$put_mode" ] &&
      { [ -n "$put_owner" ] || [ "$(stat -c %u "$put_file")" = "$(stat -c %u "${destdir:-/}")" ]; }; then
      return 0
    fi
  fi
  put_changed=yes
  if [ "$dry" = no ]; then
    make_folder "${put_path%/*}"
    if [ -e "$put_file" ] || [ -L "$put_file" ]; then set_aside "$put_file"; else remember "created:$put_file"; fi
    remember "created:$put_file.activity-log-new"
    "$@" >"$put_file.activity-log-new" || fatal "cannot write $put_file"
    [ -z "$put_owner" ] || try chown "$put_owner" "$put_file.activity-log-new"
    try chmod "$put_mode" "$put_file.activity-log-new"
    try mv -f "$put_file.activity-log-new" "$put_file"
  fi
  change "$put_done: $put_path" "would be $put_done: $put_path"
}

# Removes a file, if it is there. Sets $put_changed.
drop() {
  put_changed=no
  if [ ! -e "$destdir$1" ] && [ ! -L "$destdir$1" ]; then return 0; fi
  put_changed=yes
  if [ "$dry" = no ]; then
    set_aside "$destdir$1"
    try rm -f "$destdir$1"
  fi
  change "removed: $1" "would be removed: $1"
}

# A copy beside the file, to be put back or thrown away. Until it is complete, nothing has happened to the file.
set_aside() {
  remember "created:$1.activity-log-old"
  try cp -pP "$1" "$1.activity-log-old"
  remember "kept:$1"
}

# make_folder PATH [MODE]: with those it lies in, which all may read.
make_folder() {
  if [ -d "$destdir$1" ]; then return 0; fi
  if [ -z "$1" ]; then
    mkdir -p "$destdir" || fatal "cannot make the folder $destdir"
    return 0
  fi
  make_folder "${1%/*}"
  remember "folder:$destdir$1"
  try mkdir "$destdir$1"
  try chmod "${2:-755}" "$destdir$1"
}

set_mode() {
  remember "mode:$(stat -L -c %a "$destdir$2"):$destdir$2"
  try chmod "$1" "$destdir$2"
}

finish() {
  finish_status=$?
  trap '' HUP INT TERM
  trap - EXIT
  if [ "$committed" = no ] && [ -n "$journal" ]; then put_back; fi
  exit "$finish_status"
}

put_back() {
  put_back_failed=no
  while IFS= read -r entry; do
    entry_path=${entry#*:}
    case $entry in
      created:*) rm -f "$entry_path" ;;
      kept:*) mv -f "$entry_path.activity-log-old" "$entry_path" ;;
      # What the service has written into it meanwhile is nobody's to throw away.
      folder:*) rmdir "$entry_path" 2>/dev/null || : ;;
      mode:*) chmod "${entry_path%%:*}" "${entry_path#*:}" ;;
    esac || put_back_failed=yes
  done <<END
${journal%"$NL"}
END
  if [ "$enabled" = yes ]; then systemctl --quiet disable fluent-bit || put_back_failed=yes; fi
  if [ "$reloaded" = yes ]; then systemctl daemon-reload || put_back_failed=yes; fi
  if [ "$restarted" = yes ]; then
    if [ "$was_active" = yes ]; then start_again; else systemctl stop fluent-bit; fi || put_back_failed=yes
  fi
  if [ "$put_back_failed" = yes ]; then
    warn 'not everything could be put back: look for files named *.activity-log-old beside their originals'
  else
    warn "everything was put back as it was${node_installed:+, but for the package nodejs}"
  fi
}

commit() {
  committed=yes
  while IFS= read -r entry; do
    case $entry in kept:*) rm -f "${entry#*:}.activity-log-old" || warn 'a copy of what was there before is left' ;; esac
  done <<END
$journal
END
}

# What a run that was killed left behind.
sweep() {
  [ "$dry" = no ] || return 0
  try rm -f "$destdir$ETC"/*.activity-log-??? "$destdir$ETC"/.*.activity-log-??? "$destdir$ETC"/outputs/*.activity-log-??? \
    "$destdir$DROP_INS"/*.activity-log-??? "$destdir$SCRIPT".activity-log-???
}

# ------------------------------------------------------------------------------------------------------------- rendering

# Prints its argument; a secret goes through here to a file, and so never becomes an argument of a process.
show() {
  cat <<END
$1
END
}

render_script() {
  show "#!$node"
  sed 1d "$built"
}

# A shipped file of the pipeline. A main file that names a storage.path of its own keeps it (see activity-log.conf).
render_config() {
  case $1-$own_storage in
    activity-log.conf-yes) sed 's/^\( *\)\(storage\.path \)/\1#\2/' "$here/fluent-bit/$1" ;;
    # The package has a parsers.conf of its own.
    activity-log-parsers.conf-*) cat "$here/fluent-bit/parsers.conf" ;;
    *) cat "$here/fluent-bit/$1" ;;
  esac
}

checksum() {
  sum=$(sha256sum)
  printf '%s\n' "${sum%% *}"
}

# Sets $installed to what an earlier run has noted.
read_record() { installed=$NL$(cat "$destdir$RECORD" 2>/dev/null || :)$NL; }

# The checksum under which a file was installed, if it was.
recorded() {
  case $installed in *"  $1$NL"*) ;; *) return 0 ;; esac
  sum=${installed%%"  $1$NL"*}
  printf '%s\n' "${sum##*"$NL"}"
}

# What else was noted.
fact() {
  case $installed in *"$NL# $1: "*) ;; *) return 0 ;; esac
  note=${installed#*"$NL# $1: "}
  printf '%s\n' "${note%%"$NL"*}"
}

# Sets $verdict to what becomes of a file that users may edit, given what prints the one we ship: put, keep (theirs), or
# aside (theirs, and ours beside it).
judge_config() {
  judge_path=$1
  shift
  shipped=$("$@" | checksum)
  verdict=put
  [ -f "$destdir$judge_path" ] || return 0
  there=$(checksum <"$destdir$judge_path")
  before=$(recorded "$judge_path")
  if [ "$there" = "$shipped" ] || [ "$there" = "$before" ]; then return 0; fi
  verdict=aside
  if [ "$before" = "$shipped" ]; then verdict=keep; fi
}

# Installs such a file. Sets $put_changed if the service has to be told.
put_config() {
  config_path=$1
  shift
  judge_config "$config_path" "$@"
  # A file that was there before us is not ours to remove.
  if [ "$verdict" = aside ] && [ -z "$before" ]; then
    record="$record$shipped  $config_path.new$NL"
  else
    record="$record$shipped  $config_path$NL"
  fi
  case $verdict in
    keep) put_changed=no ;;
    aside)
      put 644 "$config_path.new" "$@"
      put_changed=no
      warn "$config_path is yours and stays; ours lies beside it as ${config_path##*/}.new"
      ;;
    put)
      drop "$config_path.new"
      put 644 "$config_path" "$@"
      ;;
  esac
}

# A file of the pipeline as it will be.
config_to_be() {
  judge_config "$ETC/$1" render_config "$1"
  if [ "$verdict" = put ]; then render_config "$1"; else cat "$destdir$ETC/$1"; fi
}

# The pipeline's files by the names that they get below /etc/fluent-bit.
pipeline_files() (
  cd "$here/fluent-bit"
  for file in *.conf outputs/*.conf; do
    case $file in
      fluent-bit.conf | activity-log-parsers.conf) ;;
      parsers.conf) printf 'activity-log-parsers.conf\n' ;;
      *) printf '%s\n' "$file" ;;
    esac
  done
)

# ------------------------------------------------------------------------------------------- values: $env_text, line wise

read_env() {
  if [ -f "$destdir$ENV_FILE" ]; then
    env_text=$(cat "$destdir$ENV_FILE")
  else
    env_text=$(cat "$here/systemd/activity-log.env")
  fi
}

# The last one counts, as with systemd.
env_value() {
  env_has "$1" || return 0
  value=$NL$env_text
  value=${value##*"$NL$1="}
  value=${value%%"$NL"*}
  value=${value%"${value##*[![:space:]]}"}
  case $value in
    \"*\" | \'*\') value=${value#?} && value=${value%?} ;;
  esac
  printf '%s\n' "$value"
}

env_has() {
  case $NL$env_text in *"$NL$1="*) ;; *) return 1 ;; esac
}

# Sets a value where it stands, else where it is commented out, else at the end. Only the shell itself sees it.
set_env() {
  set_has=no set_done=no set_text=''
  if env_has "$1"; then set_has=yes; fi
  while IFS= read -r line; do
    case $line in
      "$1="*) line="$1=$2" set_done=yes ;;
      "#$1="*) if [ "$set_has$set_done" = nono ]; then line="$1=$2" set_done=yes; fi ;;
    esac
    set_text=$set_text$line$NL
  done <<END
$env_text
END
  if [ "$set_done" = no ]; then set_text=$set_text$1=$2$NL; fi
  env_text=${set_text%"$NL"}
}

# What was given goes before what is there, and that before what the tutorial's blocks say.
plan_env() {
  read_env
  plan_value ACTIVITY_LOG_TAG "$tag" "$(found tag)" is_tag
  plan_value ACTIVITY_LOG_HOST "$host" "$(found host)" is_host
  plan_value ACTIVITY_LOG_API_KEY "$key" "$found_key" is_key
  before=$(env_value ACTIVITY_LOG_INTERVAL)
  if [ -e "$destdir$ENV_FILE" ] && [ -n "$before" ]; then
    [ -z "$interval" ] || plan_interval "$interval"
  else
    found_interval=$(found interval)
    is_interval "$found_interval" || found_interval=$DEFAULT_INTERVAL
    plan_interval "${interval:-$found_interval}"
  fi
  [ -z "$provider" ] || set_env ACTIVITY_LOG_PROVIDER "$provider"
  [ -n "$provider" ] || provider=$(env_value ACTIVITY_LOG_PROVIDER)
  plan_token
}

plan_value() {
  if [ -n "$2" ]; then
    if [ "$(env_value "$1")" != "$2" ]; then set_env "$1" "$2"; fi
  elif [ -n "$3" ] && [ -z "$(env_value "$1")" ] && "$4" "$3"; then
    set_env "$1" "$3"
    info "$1 is taken from fluent-bit.conf"
  fi
}

is_key() {
  case $1 in '' | *[!!-~]* | *[\\\"\'\`\<\>]*) return 1 ;; esac
}

# A run has to end well before the next one is due.
plan_interval() {
  if [ "$(env_value ACTIVITY_LOG_INTERVAL)" = "$1" ]; then return 0; fi
  set_env ACTIVITY_LOG_INTERVAL "$1"
  set_env ACTIVITY_LOG_DEADLINE "$(($1 * 4 / 5))s"
}

# Sets $token_is to given, file (a file that is there), environment (the tutorial's way) or missing.
plan_token() {
  named=$TOKEN_FILE
  if env_has ACTIVITY_LOG_TOKEN_FILE; then named=$(env_value ACTIVITY_LOG_TOKEN_FILE); fi
  find_token_variable
  if [ -n "$token" ]; then
    token_is=given
    [ "$named" = "$TOKEN_FILE" ] || set_env ACTIVITY_LOG_TOKEN_FILE "$TOKEN_FILE"
  elif [ -n "$named" ] && [ -s "$destdir$named" ]; then
    token_is='file'
  elif [ -n "$variable_in" ]; then
    token_is=environment
    [ "$credentials" = no ] || fatal "--credentials takes the token from $TOKEN_FILE: give it as --token-file"
    [ -z "$named" ] || set_env ACTIVITY_LOG_TOKEN_FILE ''
  elif [ -s "$destdir$TOKEN_FILE" ]; then
    token_is='file'
    set_env ACTIVITY_LOG_TOKEN_FILE "$TOKEN_FILE"
  else
    token_is=missing
    [ "$named" = "$TOKEN_FILE" ] || set_env ACTIVITY_LOG_TOKEN_FILE "$TOKEN_FILE"
  fi
}

# Sets $variable_in to the first file that gives the service a token as a variable, $variable to which; or as a
# credential that is not our doing.
find_token_variable() {
  case $provider in
    cloudscale) variables='CLOUDSCALE_API_TOKEN' ;;
    *) variables='IONOS_API_TOKEN|IONOS_TOKEN|IONOS_PASSWORD' ;;
  esac
  variable_in='' variable=''
  for file in "$destdir$DROP_INS"/*.conf "$destdir/etc/systemd/system/fluent-bit.service" \
    "$destdir/etc/default/fluent-bit" "$destdir$ENV_FILE"; do
    [ -f "$file" ] || continue
    [ "$file" != "$destdir$CREDENTIALS_DROP_IN" ] || continue
    variable=$(sed -n -E -e "s/^[[:space:]]*(Environment=.*)?[\"' =]?($variables)=..*\$/\2/p" \
      -e 's/^[[:space:]]*(Load|Set)Credential(Encrypted)?=activity-log-token:.*$/credential/p' "$file" | sed -n '$p')
    if [ -n "$variable" ]; then
      variable_in=${file#"$destdir"}
      return 0
    fi
  done
}

# ------------------------------------------------------------------------------------------------------- fluent-bit.conf

# Reads a classic configuration file twice. what=survey: prints what there is to know of it. what=key: the key in the
# tutorial's output. what=rewrite: the file with the tutorial's blocks commented out and, at its end, our line.
main_awk() {
  awk -v what="$1" -v include="$INCLUDE" -v moved="(now in $ENV_FILE)" -v storage="$STORAGE" '
    function value_of(text) { sub(/^[^ \t]+[ \t]*/, "", text); return text }
    function is_include(text) { return tolower(text) ~ /^@include[ \t]+([^ \t]*\/)?activity-log\.conf$/ }
    function report(text) { if (what == "survey") print text }
    function once(word, value) { if (!(word in said)) report(word " " value); said[word] = 1 }

    # The exec input of the tutorial, and the outputs that get nothing but its events.
    function decide(   s, tag) {
      for (s = 1; s <= sections; s++)
        if (kind[s] == "[input]" && tolower(set[s, "name"]) == "exec" && set[s, "command"] ~ /fetch_activity_logs\.py/) {
          taken[s] = 1
          ours[set[s, "tag"]] = 1
          once("tag", set[s, "tag"])
          once("interval", set[s, "interval_sec"])
        }
      for (s = 1; s <= sections; s++) if (kind[s] == "[input]" && !(s in taken)) delete ours[set[s, "tag"]]
      for (s = 1; s <= sections; s++) {
        if (kind[s] != "[output]") continue
        tag = set[s, "match"]
        if (tag == "*") report("star " first[s] " " set[s, "name"])
        if (!(tag in ours) || tag == "") continue
        if (tolower(set[s, "name"]) == "stdout") taken[s] = 1
        if (tolower(set[s, "name"]) == "http" && (s in key) && set[s, "uri"] == "/" tag && set[s, "port"] ~ /^(443)?$/) {
          taken[s] = 1
          once("host", set[s, "host"])
          if (what == "key" && !shown_key++) secret = key[s]
        }
        if (!(s in taken)) report("also " first[s] " " set[s, "name"])
      }
      for (s = 1; s <= sections; s++) if (s in taken) {
        report("taken " first[s] " " last[s] " " kind[s] " " set[s, "name"])
        for (line = first[s]; line <= last[s]; line++) commented[line] = 1
      }
    }
    function print_line(text) { if (what == "rewrite") output = output text "\n" }

    FNR == 1 { pass++ }
    pass == 1 {
      text = $0
      gsub(/^[ \t]+|[ \t\r]+$/, "", text)
      if (is_include(text)) included = FNR
      if (text ~ /^\[[A-Za-z_]+\]$/) {
        current = ++sections
        kind[current] = tolower(text)
        first[current] = last[current] = FNR
      } else if (text ~ /^@/) current = 0
      else if (text != "" && text !~ /^#/ && current) {
        last[current] = FNR
        name = tolower(text)
        sub(/[ \t].*$/, "", name)
        value = value_of(text)
        set[current, name] = value
        if (name == "header" && tolower(value) ~ /^apikey[ \t]/) {
          key[current] = value_of(value)
          key_line[FNR] = 1
        }
        if (kind[current] == "[service]") service(name, value, FNR)
      }
      next
    }
    pass == 2 && FNR == 1 { decided = 1; decide() }
    {
      if (FNR in commented) {
        if (!((FNR - 1) in commented)) print_line("#~# Taken over by fetch-activity-logs; install.sh --uninstall brings it back.")
        line = $0
        if (FNR in key_line) { match(line, /^[ \t]*/); line = substr(line, 1, RLENGTH) "Header APIKEY " moved }
        print_line("#~ " line)
      } else print_line($0)
    }
    function service(name, value, line,   file) {
      if (name == "parsers_file") {
        file = value
        sub(/^\/etc\/fluent-bit\/+/, "", file); sub(/^(\.\/)+/, "", file)
        if (file in parsers) doubled = doubled "doubled " parsers[file] " " line " " value "\n"
        else parsers[file] = line
      } else if (name == "storage.path") { path = value; path_line = line
      } else if (name ~ /^http_(server|listen|port)$/) { http[name] = value; http_line[name] = line }
    }
    END {
      if (!decided) decide()
      if (what == "rewrite") { printf "%s", output; if (!included) print include }
      if (what == "key") print secret
      if (what == "survey") {
        printf "%s", doubled
        if (included) print "included", included
        if (path != "" && path != storage) print "storage", path_line, path
        if (tolower(http["http_server"]) ~ /^(on|true|yes)$/) {
          if (http["http_listen"] != "127.0.0.1") print "http", http_line["http_server"], "HTTP_Listen", http["http_listen"] == "" ? "0.0.0.0" : http["http_listen"]
          if (http["http_port"] !~ /^(2020)?$/) print "http", http_line["http_port"], "HTTP_Port", http["http_port"]
        }
      }
    }
  ' "$2" "$2"
}

# Undoes that by line, for a file that was edited since. The key comes back from where it went.
strip_awk() {
  awk -v env_file="$destdir$ENV_FILE" '
    BEGIN {
      while ((getline line < env_file) > 0) if (sub(/^ACTIVITY_LOG_API_KEY=/, "", line)) key = line
    }
    /^#~# / { next }
    /^#~ / {
      line = substr($0, 4)
      if (line ~ /^[ \t]*Header APIKEY \(now in /) { match(line, /^[ \t]*/); line = substr(line, 1, RLENGTH) "Header APIKEY " key }
      print line
      next
    }
    tolower($0) ~ /^[ \t]*@include[ \t]+([^ \t]*\/)?activity-log\.conf[ \t\r]*$/ { next }
    { print }
  ' "$1"
}

# Sets $main_kind: missing, untouched (the package's own), included (has our line) or theirs; and what is found in it.
survey_main() {
  survey='' found_key='' own_storage=no main_kind=none
  [ "$live" = yes ] || return 0
  main_file=$destdir$MAIN
  if [ -L "$main_file" ]; then
    fatal "$MAIN is a symbolic link, so something else looks after it: add the line $INCLUDE there by hand"
  fi
  main_kind=missing
  [ -f "$main_file" ] || return 0
  survey=$(main_awk survey "$main_file")
  main_kind=theirs
  if [ -n "$(found included)" ]; then
    main_kind=included
  elif [ "$(md5sum <"$main_file" | cut -d' ' -f1)" = "$(package_checksum)" ]; then
    main_kind=untouched
    survey=''
    return 0
  fi
  found_key=$(main_awk key "$main_file")
  [ -z "$(found storage)" ] || own_storage=yes
}

# Of the file as the package brought it, in dpkg's record.
package_checksum() { dpkg_field Conffiles | sed -n "s|^ *$MAIN \([0-9a-f]*\).*\$|\1|p"; }

# The first line of that kind in the survey.
found() {
  case $NL$survey in *"$NL$1 "*) ;; *) return 0 ;; esac
  line=$NL$survey
  line=${line#*"$NL$1 "}
  printf '%s\n' "${line%%"$NL"*}"
}

report_survey() {
  while read -r word line rest; do
    case $word in
      taken)
        [ -n "$missing" ] || info "the tutorial's ${rest#* } is commented out: lines $line to ${rest%% *} of fluent-bit.conf"
        ;;
      doubled)
        warn "fluent-bit.conf has Parsers_File ${rest#* } twice, which Fluent Bit does not start with: delete line ${rest%% *}"
        ;;
      star | also) warn "the output in line $line of fluent-bit.conf ($rest) gets the events as well" ;;
      storage) info "storage.path $rest of fluent-bit.conf stays" ;;
      http)
        warn "${rest%% *} ${rest#* } in line $line of fluent-bit.conf gives way to activity-log.conf, where you may change it"
        ;;
    esac
  done <<END
$survey
END
  for file in "$destdir$ETC"/*.conf "$destdir$ETC"/*/*.conf; do
    if [ "$file" != "$main_file" ] && [ -f "$file" ] && grep -q '^[^#]*fetch_activity_logs\.py' "$file"; then
      warn "${file#"$destdir"} runs fetch_activity_logs.py: what both collect arrives twice; comment that block out"
    fi
  done
}

# Whether Fluent Bit takes the configuration. Leaves in $refusal why not.
accepted() {
  set -- "$fluent_bit" -c "$destdir$MAIN" --dry-run
  said=$(cd / && export_settings && exec 9<&- && "$@" 2>&1 </dev/null) && return 0
  said=$(printf '%s\n' "$said" | sed "s/$(printf '\033')\[[0-9;]*m//g")
  refusal=$(printf '%s\n' "$said" | grep -i error | sed -n 1p) || refusal=''
  [ -n "$refusal" ] || refusal=$(printf '%s\n' "$said" | sed -n '$p')
  # A key that stands in the file may stand in the message.
  case $refusal in
    *"${found_key:-$NL}"*) refusal='(the message holds a secret)' ;;
  esac
  return 1
}

# The service's settings, for a child process: those of its unit, then those of its files. Secrets are not needed.
export_settings() {
  set -f
  for setting in $(systemctl show -p Environment --value fluent-bit 2>/dev/null); do export_setting "$setting"; done
  while IFS= read -r line; do
    export_setting "$line"
  done <<END
$(cat "$destdir/etc/default/fluent-bit" 2>/dev/null)
$env_text
ACTIVITY_LOG_API_KEY=secret
END
}

export_setting() {
  case $1 in [A-Za-z_]*=*) ;; *) return 0 ;; esac
  name=${1%%=*}
  case $name in *[!A-Za-z0-9_]* | PATH | IFS) return 0 ;; esac
  value=${1#*=}
  case $value in
    \"*\" | \'*\') value=${value#?} && value=${value%?} ;;
  esac
  export "$name=$value"
}

# --------------------------------------------------------------------------------------------------------------- install

plan() {
  read_record
  survey_main
  plan_env
  find_missing
  case $main_kind in theirs | included) report_survey ;; esac
  if [ "$main_kind" = theirs ] && [ -z "$missing" ] && [ -n "$fluent_bit" ] && ! accepted; then
    fatal "Fluent Bit refuses $MAIN as it is: $refusal"
  fi
}

# Sets $missing to what has to be filled in before events can flow, one a line.
find_missing() {
  missing=''
  outputs=$(config_to_be activity-log.conf | sed -n 's|^@INCLUDE \(outputs/[^ ]*\)$|\1|p')
  need ACTIVITY_LOG_TAG --tag NAME
  needs_host=no
  for output in $outputs; do
    if config_to_be "$output" | grep -q '^[^#]*{ACTIVITY_LOG_HOST}'; then needs_host=yes; fi
  done
  [ "$needs_host" = no ] || need ACTIVITY_LOG_HOST --host HOST
  case $NL$outputs$NL in
    *"${NL}outputs/ionos.conf$NL"*)
      need ACTIVITY_LOG_API_KEY --api-key-file FILE
      [ -z "$(env_value ACTIVITY_LOG_HOST)" ] ||
        check_host "$(env_value ACTIVITY_LOG_HOST)" "ACTIVITY_LOG_HOST in $ENV_FILE"
      ;;
  esac
  [ -z "$(env_value ACTIVITY_LOG_TAG)" ] || check_tag "$(env_value ACTIVITY_LOG_TAG)" "ACTIVITY_LOG_TAG in $ENV_FILE"
  check_interval "$(env_value ACTIVITY_LOG_INTERVAL)" "ACTIVITY_LOG_INTERVAL in $ENV_FILE"
  if [ "$token_is" = missing ]; then
    missing="$missing  the API's token, alone in $TOKEN_FILE (or --token-file FILE)$NL"
  fi
}

need() {
  [ -z "$(env_value "$1")" ] || return 0
  missing="$missing  $1= in $ENV_FILE (or $2 $3)$NL"
}

install() {
  record=''
  look_at_service
  sweep
  set_up_node
  build
  install_program
  install_pipeline
  install_values
  install_drop_ins
  install_state
  if [ "$live" = yes ] && [ -z "$missing" ]; then install_main; fi
  install_record
  if [ "$live" = yes ]; then
    if [ -z "$missing" ] && [ "$need_restart" = yes ]; then accept; fi
    tell_service
  fi
  commit
  last_words
}

install_program() {
  if [ "$dry" = yes ] && [ ! -f "$built" ]; then
    change '' "would be installed: $SCRIPT"
  else
    # Not a reason to restart: each run starts it anew.
    put 755 "$SCRIPT" render_script
  fi
}

install_pipeline() {
  for file in $(pipeline_files); do
    put_config "$ETC/$file" render_config "$file"
    [ "$put_changed" = no ] || need_restart=yes
  done
  # What an older version brought and this one does not.
  for path in $(recorded_paths); do
    case $path in
      "$ETC"/*)
        case $NL$(pipeline_files)$NL in *"$NL${path#"$ETC/"}$NL"*) continue ;; esac
        if [ "$(checksum <"$destdir$path")" = "$(recorded "$path")" ]; then drop "$path"; fi
        ;;
    esac
  done
}

# Those that are still there, without fluent-bit.conf.
recorded_paths() {
  show "$installed" | sed -n 's/^[0-9a-f]\{64\}  //p' | while IFS= read -r path; do
    if [ "$path" != "$MAIN" ] && [ -f "$destdir$path" ]; then printf '%s\n' "$path"; fi
  done
}

install_values() {
  put 600 "$ENV_FILE" show "$env_text"
  [ "$put_changed" = no ] || need_restart=yes
  put_changed=no
  if [ "$token_is" = given ]; then
    put 600 "$TOKEN_FILE" show "$token"
  elif [ -f "$destdir$TOKEN_FILE" ]; then
    put 600 "$TOKEN_FILE" cat "$destdir$TOKEN_FILE"
  elif [ "$token_is" = missing ]; then
    # Empty, so that it has the right mode when it is filled in.
    put 600 "$TOKEN_FILE" :
  fi
  if [ "$put_changed$credentials" = yesyes ]; then need_restart=yes; fi
}

install_drop_ins() {
  put_config "$DROP_IN" cat "$here/systemd/fluent-bit.service.d/${DROP_IN##*/}"
  [ "$put_changed" = no ] || need_reload=yes
  if [ "$credentials" = yes ]; then
    put_config "$CREDENTIALS_DROP_IN" cat "$here/systemd/fluent-bit.service.d/${CREDENTIALS_DROP_IN##*/}"
  else
    drop "$CREDENTIALS_DROP_IN"
  fi
  [ "$put_changed" = no ] || need_reload=yes
  [ "$need_reload" = no ] || need_restart=yes
}

install_state() {
  state_mode=$(fact state-mode)
  if [ ! -d "$destdir$STATE" ]; then
    state_mode=none
    [ "$dry" = yes ] || make_folder "$STATE" 700
    change "installed: $STATE" "would be installed: $STATE"
  elif [ "$(stat -L -c %a "$destdir$STATE")" != 700 ]; then
    [ -n "$state_mode" ] || state_mode=$(stat -L -c %a "$destdir$STATE")
    [ "$dry" = yes ] || set_mode 700 "$STATE"
    change "changed: $STATE, to 0700" "would be changed: $STATE, to 0700"
  fi
}

install_main() {
  main_was=$(fact main)
  main_sum=$(recorded "$MAIN")
  put_changed=no
  case $main_kind in
    missing)
      put 644 "$MAIN" cat "$here/fluent-bit/fluent-bit.conf"
      main_was=created
      ;;
    untouched)
      put 600 "$MAIN_BACKUP" cat "$main_file"
      put as-is "$MAIN" cat "$here/fluent-bit/fluent-bit.conf"
      main_was=replaced
      ;;
    theirs)
      put 600 "$MAIN_BACKUP" cat "$main_file"
      put as-is "$MAIN" main_awk rewrite "$main_file"
      main_was=included
      ;;
    included)
      if [ "$main_was" != included ] && [ "$(checksum <"$main_file")" = "$main_sum" ]; then
        put as-is "$MAIN" cat "$here/fluent-bit/fluent-bit.conf"
      elif [ -n "$(found taken)" ]; then
        [ -e "$destdir$MAIN_BACKUP" ] || put 600 "$MAIN_BACKUP" cat "$main_file"
        put as-is "$MAIN" main_awk rewrite "$main_file"
      fi
      ;;
  esac
  if [ "$put_changed" = yes ]; then
    need_restart=yes
    [ "$dry" = yes ] || main_sum=$(checksum <"$main_file")
  fi
  [ -z "$main_sum" ] || record="$record$main_sum  $MAIN$NL"
}

install_record() {
  if [ "$live" = no ] || [ "$dry" = yes ] || [ "$changes" = 0 ]; then return 0; fi
  facts='# Written by install.sh, for its next run.'
  for name in main:"${main_was:-$(fact main)}" state-mode:"$state_mode" unit:"$unit_was"; do
    [ -z "${name#*:}" ] || facts="$facts$NL# ${name%%:*}: ${name#*:}"
  done
  if [ -z "${main_was+set}" ] && [ -n "$(recorded "$MAIN")" ]; then record="$record$(recorded "$MAIN")  $MAIN$NL"; fi
  put 644 "$RECORD" show "$facts$NL${record%"$NL"}"
}

# --------------------------------------------------------------------------------------------------------------- service

# How it was before us, for the way back.
look_at_service() {
  [ "$live" = yes ] || return 0
  is_active=$(systemctl is-active fluent-bit 2>/dev/null) || :
  is_enabled=$(systemctl is-enabled fluent-bit 2>/dev/null) || :
  [ "$is_active" = active ] || was_active=no
  unit_was=$(fact unit)
  unit_was=${unit_was:-$is_active $is_enabled}
}

accept() {
  if [ -z "$fluent_bit" ]; then
    warn 'there is no fluent-bit to try the configuration with'
  elif [ "$dry" = yes ]; then
    info 'would be tried: fluent-bit --dry-run'
  elif ! accepted; then
    fatal "Fluent Bit refuses the configuration: $refusal"
  fi
}

tell_service() {
  reload
  if [ "$need_restart" = no ] || [ -n "$missing" ]; then return 0; fi
  if [ "$restart" = no ]; then
    info "not restarted; it takes effect with: systemctl restart fluent-bit"
    [ "$is_enabled" != disabled ] || info 'it does not start with the machine yet: systemctl enable fluent-bit'
    return 0
  fi
  change 'restarting Fluent Bit' 'Fluent Bit would be restarted'
  [ "$dry" = no ] || return 0
  if [ "$is_enabled" = disabled ]; then
    enabled=yes
    try systemctl --quiet enable fluent-bit
  fi
  wait_for_fetcher
  restarted=yes
  try start_again
  stays_up || fatal 'Fluent Bit does not stay up: journalctl -u fluent-bit tells why'
}

# The tutorial's fetcher saves its state when it ends; ended before, all that it has printed would come again.
wait_for_fetcher() {
  [ -n "$(found taken)" ] || return 0
  seconds=0
  while [ "$seconds" -lt "$MAX_FETCHER_SECONDS" ] && grep -q -s 'fetch_activity_logs[.]py' /proc/[0-9]*/cmdline; do
    sleep 1
    seconds=$((seconds + 1))
  done
}

# Also for drop-ins that somebody else has changed, or the restart would come without them.
reload() {
  if [ "$dry" = yes ] || [ "$need_reload$need_restart" = nono ]; then return 0; fi
  reloaded=yes
  try systemctl daemon-reload
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
  case $(systemctl show -p NRestarts --value fluent-bit) in '' | 0) ;; *) return 1 ;; esac
}

last_words() {
  [ "$live" = yes ] || return 0
  point_out_variable
  if [ -n "$missing" ]; then
    info "Still missing:$NL${missing}Until then fluent-bit.conf stays as it is. Then run again: sudo sh $here/install.sh"
    return 0
  fi
  [ "$changes" -gt 0 ] || info 'nothing to change'
  [ "$dry" = no ] || return 0
  look_whether_it_works
  info "events: the first after $(env_value ACTIVITY_LOG_INTERVAL) s; in Grafana: {tag_name=\"$(env_value ACTIVITY_LOG_TAG)\"}"
  info 'what the program has to say: journalctl -u fluent-bit'
}

point_out_variable() {
  [ "$variable" != credential ] || return 0
  case $variable_in in
    '' | "$ENV_FILE") return 0 ;;
    "$DROP_INS"/* | /etc/systemd/*)
      warn "$variable in $variable_in: every local user can read it with systemctl show fluent-bit"
      ;;
    *) case $(stat -c %A "$destdir$variable_in") in
      ????------*) return 0 ;;
      *) warn "$variable in $variable_in: others can read that file" ;;
    esac ;;
  esac
  case $token_is in
    environment) info 'It keeps working. To end that: give it as --token-file - once, then delete the line.' ;;
    *) info "It is no longer used: the token is in $TOKEN_FILE. Delete the line." ;;
  esac
}

look_whether_it_works() {
  script=$destdir$SCRIPT
  case $("$script" --help 2>/dev/null </dev/null) in
    *'fetch-activity-logs check'*)
      set -- "$script" check
      (export_all && exec 9<&- && "$@" </dev/null) || warn 'see above what is not right yet'
      ;;
    *)
      if [ "$token_is" != environment ]; then
        info "try it: sudo $SCRIPT --peek --since 1h --token-file $TOKEN_FILE | head -n 3"
      fi
      ;;
  esac
}

# As the service has them, secrets included.
export_all() {
  export_setting "ACTIVITY_LOG_TOKEN_FILE=$TOKEN_FILE"
  export_settings
  while IFS= read -r line; do
    export_setting "$line"
  done <<END
$(cat "$destdir/etc/default/fluent-bit" 2>/dev/null)
$env_text
END
}

# ------------------------------------------------------------------------------------------------------------- uninstall

uninstall() {
  env_text='' missing='' survey='' found_key='' fluent_bit=${fluent_bit:-}
  read_record
  sweep
  look_at_service
  uninstall_main
  uninstall_files
  drop "$SCRIPT"
  [ "$purge" = no ] || purge_secrets
  state_mode=$(fact state-mode)
  case $state_mode in
    '' | none) ;;
    *) if [ "$dry" = no ] && [ -d "$destdir$STATE" ]; then set_mode "$state_mode" "$STATE"; fi ;;
  esac
  unit_was=$(fact unit)
  drop "$RECORD"
  if [ "$live" = yes ]; then leave_service; fi
  # Not before: a run that is under way would write it once more.
  [ "$purge" = no ] || purge_state
  commit
  [ "$dry" = yes ] || remove_folders
  if [ "$changes" = 0 ]; then info 'nothing to remove'; fi
  say_what_stays
}

uninstall_main() {
  main_restored=no
  if [ "$live" = no ] || [ ! -f "$destdir$MAIN" ]; then return 0; fi
  main_sum=$(recorded "$MAIN")
  if [ -n "$main_sum" ] && [ "$(checksum <"$destdir$MAIN")" = "$main_sum" ]; then
    if [ -f "$destdir$MAIN_BACKUP" ]; then
      put as-is "$MAIN" cat "$destdir$MAIN_BACKUP"
      drop "$MAIN_BACKUP"
      need_restart=yes main_restored=yes
      return 0
    elif [ "$(fact main)" = created ]; then
      drop "$MAIN"
      need_restart=yes main_restored=yes
      return 0
    fi
  fi
  if grep -q -i -E '^(#~ |[[:space:]]*@include[[:space:]](.*/)?activity-log\.conf)' "$destdir$MAIN"; then
    put as-is "$MAIN" strip_awk "$destdir$MAIN"
    need_restart=yes
  fi
  if [ "$purge" = yes ]; then drop "$MAIN_BACKUP"; fi
}

# What you have edited stays, but not in force.
uninstall_files() {
  for path in $(recorded_paths); do
    drop "$path.new"
    if [ "$purge" = no ] && [ "$(checksum <"$destdir$path")" != "$(recorded "$path")" ]; then
      put 600 "$path.saved" cat "$destdir$path"
    elif [ "$purge" = yes ]; then
      drop "$path.saved"
    fi
    drop "$path"
    need_restart=yes
    case $path in "$DROP_INS"/*) need_reload=yes ;; esac
  done
}

purge_secrets() {
  drop "$ENV_FILE"
  drop "$TOKEN_FILE"
  drop "$ETC/cloudscale.token"
}

purge_state() {
  keep_state=no
  # The tutorial's fetcher goes on from it.
  if grep -q '^[^#]*fetch_activity_logs\.py' "$destdir$MAIN" 2>/dev/null; then keep_state=yes; fi
  for path in "$destdir$STATE"/activity_log_state.json* "$destdir$STATE"/cloudscale_log_state.json* \
    "$destdir$STATE"/oversize.jsonl "$destdir$STATE"/rejected.jsonl; do
    if [ ! -f "$path" ]; then continue; fi
    if [ "$keep_state" = yes ] && [ "$path" = "$destdir$STATE/activity_log_state.json" ]; then continue; fi
    drop "${path#"$destdir"}"
  done
}

leave_service() {
  if [ "$need_restart" = yes ] && [ -f "$destdir$MAIN" ]; then accept; fi
  reload
  if [ "$need_restart" = no ] || [ "$was_active" = no ]; then return 0; fi
  if [ "$restart" = no ]; then
    info 'not restarted; it takes effect with: systemctl restart fluent-bit'
    return 0
  fi
  # It may have become the user's own meanwhile.
  case $unit_was-$main_restored in
    active* | *-no)
      change 'restarting Fluent Bit' 'Fluent Bit would be restarted'
      [ "$dry" = no ] || return 0
      restarted=yes
      try start_again
      stays_up || fatal 'Fluent Bit does not stay up without it: journalctl -u fluent-bit tells why'
      ;;
    *)
      change 'stopping Fluent Bit, as it was before' 'Fluent Bit would be stopped, as it was before'
      [ "$dry" = no ] || return 0
      restarted=yes
      try systemctl stop fluent-bit
      case $unit_was in *' disabled') try systemctl --quiet disable fluent-bit ;; esac
      ;;
  esac
}

remove_folders() {
  if [ "$purge" = yes ]; then
    # Chunks that wait there are Fluent Bit's own again if its configuration names the place.
    if ! grep -r -q "^[^#]*$STORAGE" "$destdir$ETC" 2>/dev/null; then rm -rf "$destdir$STORAGE" || :; fi
    rm -rf "$destdir$STATE/activity_log_state.json.lock" "$destdir$STATE/cloudscale_log_state.json.lock" || :
  fi
  for folder in "$ETC/outputs" "$DROP_INS" "${SCRIPT%/*}" "$STATE"; do
    if [ "$folder" != "$STATE" ] || [ "$purge" = yes ]; then rmdir "$destdir$folder" 2>/dev/null || :; fi
  done
}

say_what_stays() {
  for path in "$ENV_FILE" "$TOKEN_FILE" "$STATE" "$MAIN_BACKUP" "$destdir$ETC"/*.saved "$destdir$ETC"/*/*.saved \
    "$destdir$DROP_INS"/*.saved; do
    path=${path#"$destdir"}
    if [ -e "$destdir$path" ]; then info "stays: $path"; fi
  done
}

main "$@"
