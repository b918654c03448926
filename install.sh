#!/bin/sh
# Installs fetch-activity-logs into the Fluent Bit of this machine, with systemd, on Debian or Ubuntu.
#
#     sudo ./install.sh --tag activityLog --host HOST --api-key-file FILE --token-file FILE
#     sudo ./install.sh --uninstall
#
# Checks first, writes after. If anything fails, also in Fluent Bit's own test of the configuration or in its restart,
# everything is put back as it was. A second run changes nothing and restarts nothing. What you have edited stays on an
# upgrade. Without an option the value stays that is there; on the first run, tag, host, interval and key are taken from
# the blocks of the IONOS tutorial if fluent-bit.conf has them.
#
#     --tag NAME            tag of the events; at the Logging Service the pipeline's tag
#     --host HOST           where they go, without scheme and path
#     --interval SECONDS    between two runs, 10 to 86400 [300]
#     --provider NAME       ionos or cloudscale [ionos]
#     --token-file FILE     the API's token; - for standard input. No secret is ever an option itself.
#     --api-key-file FILE   the destination's key; - for standard input
#     --credentials         hand the token to a service with a User= of its own (systemd 247 or newer)
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
# Exit codes: 0 done, 1 not done or (--check) something would change, 2 wrong usage.

set -eu
umask 077
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
unset CDPATH

MIN_NODE=20.18.1
NODESOURCE_KEY_URL=https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key
NODESOURCE_KEY=/usr/share/keyrings/nodesource.asc
NODESOURCE_LIST=/etc/apt/sources.list.d/nodesource.list
NODESOURCE_LINE="deb [signed-by=$NODESOURCE_KEY] https://deb.nodesource.com/node_24.x nodistro main"
MIN_CREDENTIALS_SYSTEMD=247
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
# Lines "CHECKSUM  PATH", of each configuration file as it was installed: tells your edits from ours. The one of
# MAIN_BACKUP is the checksum of a fluent-bit.conf of yours as we left it. "by-us  enabled": so the service was.
# "owed  restart": there was none after a change, with --no-restart or since values were missing.
RECORD=$ETC/.activity-log.installed
# The way back, while a run is at work: copies of what was there, and a journal of what was done.
UNDO=$ETC/.activity-log.undo
NEW=.activity-log-new
INCLUDE='@INCLUDE activity-log.conf'

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
  if [ "$live" = yes ]; then check_root_and_systemd; fi
  check_release
  if [ "$uninstall" = yes ]; then
    begin
    uninstall
  else
    if [ "$live" = yes ]; then check_machine; fi
    find_node
    find_builder
    read_secrets
    check_folders
    begin
    plan
    install
  fi
  if [ "$check" = yes ] && [ "$changes" -gt 0 ]; then exit 1; fi
}

# ---------------------------------------------------------------------------------------------------- options, messages

parse_options() {
  uninstall=no destdir='' live=no dry=no check=no restart=yes purge=no setup_node=no credentials=no
  tag='' host='' interval='' provider='' token_from='' key_from='' node_option=''
  changes=0 copies=0 at_work=no need_reload=no need_restart=no enabled=no reloaded=no restarted=no
  while [ $# -gt 0 ]; do
    case $1 in
      --tag | --host | --interval | --provider | --token-file | --api-key-file | --node | --destdir)
        [ -n "${2-}" ] || usage "$1 needs a value"
        take_option "$1" "$2"
        shift
        ;;
      --credentials) credentials=yes ;;
      --setup-node) setup_node=yes ;;
      --dry-run) dry=yes ;;
      --check) dry=yes check=yes ;;
      --no-restart) restart=no ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      --live) live=yes ;;
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
  case $2 in *"$NL"*) usage "$1: a line break" ;; esac
  case $1 in
    --tag) tag=$2 && demand tag "$2" --tag ;;
    --host) host=$2 && demand host "$2" --host ;;
    --interval) interval=$2 && demand interval "$2" --interval ;;
    --provider) provider=$2 && demand provider "$2" --provider ;;
    --token-file) token_from=$2 ;;
    --api-key-file) key_from=$2 ;;
    --node) node_option=$2 ;;
    --destdir)
      destdir=${2%/}
      case $destdir in /*) ;; *) usage "--destdir: a folder by its path from the root, other than /" ;; esac
      ;;
  esac
}

# demand KIND VALUE WHERE: an error if the value will not do.
demand() {
  flaw=$(flaw_of "$1" "$2")
  [ -z "$flaw" ] || fatal "$3: $flaw"
}

# Says what is wrong with a value; nothing if it will do. The tag becomes a part of a URI, a tag with patterns that match
# it, and a label of Loki: no character that one of them minds.
flaw_of() {
  case $1-$2 in
    tag-*[!A-Za-z0-9._-]* | tag-) info "letters, digits, dots, dashes and underscores only, not $2" ;;
    host-*://*) info "the host alone, without a scheme, not $2" ;;
    host-*/*) info "the host alone, without a path, not $2" ;;
    host-*:*) info "the host alone, without a port (it is 443), not $2" ;;
    host-*[!A-Za-z0-9.-]* | host-[.-]* | host-*[.-] | host-) info "not a host name: $2" ;;
    interval-*[!0-9]* | interval-0* | interval-? | interval- | interval-??????*) info "seconds, 10 to 86400, not $2" ;;
    interval-*) [ "$2" -le 86400 ] || info "seconds, 10 to 86400, not $2" ;;
    provider-ionos | provider-cloudscale) ;;
    provider-*) info "ionos or cloudscale, not $2" ;;
    # systemd would take quotes and backslashes for its own.
    key-*[\\\"\'\`]*) info 'quotes and backslashes are in no key' ;;
    key-*\$\{*) info 'it names a variable, which nothing replaces: the key itself is needed' ;;
    token- | key-) info 'it is empty' ;;
    token-*[!!-~]* | key-*[!!-~]*)
      info "not one $1 alone: it holds blanks, several lines or other characters that no $1 has"
      ;;
  esac
}

show() { printf '%s\n' "$1"; }
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
  said=$("$@" 2>&1) || fatal "${said:-$1 failed}"
}

# ------------------------------------------------------------------------------------------------------- what is checked

check_release() {
  here=$(cd "$(dirname "$0")" && pwd -P)
  for source in fluent-bit/activity-log.conf fluent-bit/fluent-bit.conf fluent-bit/parsers.conf fluent-bit/take-over.awk \
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
  command -v dpkg-query >/dev/null || fatal 'this is neither Debian nor Ubuntu: install by hand, as the README tells'
  [ "$(dpkg_field db:Status-Status)" = installed ] ||
    fatal 'the package fluent-bit is not installed: see https://docs.fluentbit.io/manual/installation'
  config=$(show "$unit_start" | sed -n 's/^.*argv\[\]=[^;]* \(-c\|--config\)[ =]*\([^ ;]*\).*$/\2/p' | tr -s /)
  case $config in
    "$MAIN" | '') ;;
    *) fatal "fluent-bit.service reads $config, not $MAIN: install by hand, as the README tells" ;;
  esac
  [ ! -L "$destdir$MAIN" ] ||
    fatal "$MAIN is a symbolic link, so something else looks after it: install by hand, as the README tells"
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

# The folders to be written to, or the ones in which they will be made.
check_folders() {
  for folder in "${SCRIPT%/*}" "$ETC/outputs" "$DROP_INS" "$STATE"; do
    while [ -n "$folder" ] && [ ! -e "$destdir$folder" ]; do folder=${folder%/*}; done
    folder=$destdir$folder
    [ -e "$folder" ] || continue
    [ -d "$folder" ] || fatal "$folder is not a folder"
    if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then fatal "cannot write to the folder $folder"; fi
  done
}

# ----------------------------------------------------------------------------------------------------------------- Node

# Sets $node to the absolute path of the Node.js to use, and $node_from to how it gets there: '', apt or nodesource.
find_node() {
  node_from='' node=${node_option:-/usr/bin/node}
  if [ "$live" = no ]; then
    node_can_be_named "$node" || fatal "--node $node: $why"
  elif [ -n "$node_option" ]; then
    node_will_do "$node" || fatal "--node $node: $why"
  elif ! find_node_on_path; then
    node=/usr/bin/node
    candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: *//p') || candidate=''
    if is_new_enough "${candidate#*:}"; then
      node_from=apt
    elif [ "$setup_node" = yes ]; then
      node_from=nodesource
      command -v curl >/dev/null || fatal '--setup-node needs curl: apt-get install -y curl ca-certificates'
    else
      say_how_to_get_node
    fi
  fi
}

# The one that is in use already, then those on PATH. Leaves in $refused why the first was refused.
find_node_on_path() {
  refused=''
  in_use=$(sed -n '1s/^#!//p' "$destdir$SCRIPT" 2>/dev/null) || in_use=''
  candidates=$in_use$NL$(show "$PATH" | tr : '\n' | sed 's|$|/node|')
  while read -r node; do
    if [ ! -x "$node" ] || [ -d "$node" ]; then continue; fi
    if node_will_do "$node"; then return 0; fi
    refused=${refused:-" ($node $why)"}
  done <<END
$candidates
END
  return 1
}

# Whether the service can count on it; else leaves in $why what is wrong.
node_will_do() {
  node_can_be_named "$1" || return 1
  for path in "$1" "$(readlink -f "$1")"; do
    case $path in
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
  version=$("$1" --version 2>/dev/null </dev/null) || version=''
  why="is $version; it takes $MIN_NODE or newer"
  [ -n "$version" ] || why='does not run'
  is_new_enough "${version#v}"
}

# Whether it can be the first line of the script.
node_can_be_named() {
  why='is no path from the root without blanks, as the first line of a script needs it'
  case $1 in *[[:space:]]*) return 1 ;; /*) ;; *) return 1 ;; esac
}

# A user without a home of their own has / or nothing there.
home_of() {
  home=$(getent passwd "$1" 2>/dev/null | cut -d: -f6) || home=''
  show "${home%/}" | sed 's|^$|/nonexistent|'
}

is_new_enough() {
  case $1 in [0-9]*) dpkg --compare-versions "$1" ge "$MIN_NODE" ;; *) return 1 ;; esac
}

say_how_to_get_node() {
  fatal "no Node.js $MIN_NODE or newer$refused; run these, or this again with --setup-node, which does:
  sudo curl -fsSL -o $NODESOURCE_KEY $NODESOURCE_KEY_URL
  echo '$NODESOURCE_LINE' | sudo tee $NODESOURCE_LIST
  sudo apt-get update && sudo apt-get install -y nodejs"
}

# A package stays, whatever happens afterwards; the repository's files do not.
set_up_node() {
  [ -n "$node_from" ] || return 0
  if [ "$node_from" = nodesource ]; then
    put 644 "$NODESOURCE_KEY" nodesource_key
    put 644 "$NODESOURCE_LIST" show "$NODESOURCE_LINE"
    run_apt update
  fi
  run_apt install -y nodejs
  [ "$dry" = yes ] || find_node_on_path ||
    fatal "nodejs was installed, and still there is no Node.js $MIN_NODE or newer$refused"
}

nodesource_key() { if [ "$dry" = no ]; then curl -fsSL "$NODESOURCE_KEY_URL"; fi; }

run_apt() {
  tell "run: apt-get $*" "would be run: apt-get $*"
  [ "$dry" = yes ] || (umask 022 && DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >&2) ||
    fatal "apt-get $1 failed"
}

# ---------------------------------------------------------------------------------------------------------------- build

# Sets $builder to who builds dist/, or to nothing when it is there. Packages from the network are not built as root.
find_builder() {
  built=$here/dist/fetch-activity-logs.js builder=''
  if [ -f "$built" ]; then
    if [ -n "$(find "$here/src" -newer "$built" 2>/dev/null | sed 1q)" ]; then
      warn "$built is older than the sources; if that was an upgrade: npm ci && npm run build there, then this again"
    fi
    return
  fi
  [ -f "$here/package-lock.json" ] || fatal "$built is missing: unpack the release archive again"
  builder=$(id -un)
  if [ "$builder" = root ]; then builder=${SUDO_USER:-root}; fi
  if [ "$builder" = root ]; then builder=$(stat -c %U "$here"); fi
  [ "$builder" != root ] || fatal "$built is missing, and nothing is built as root: run npm ci && npm run build there first"
}

build() {
  [ -n "$builder" ] || return 0
  tell "building, as $builder: npm ci, npm run build" "would be built, as $builder: $built"
  [ "$dry" = no ] || return 0
  # shellcheck disable=SC2016 # for the other shell
  set -- sh -c 'umask 022 && cd "$1" && npm ci --no-audit --no-fund && npm run build' sh "$here"
  if [ "$builder" != "$(id -un)" ]; then
    set -- runuser -u "$builder" -- env HOME="$(home_of "$builder")" PATH="${node%/*}:$PATH" "$@"
  fi
  "$@" </dev/null >&2 || fatal "the build failed; npm ci && npm run build in $here tells more"
  [ -f "$built" ] || fatal "the build left no $built"
}

# -------------------------------------------------------------------------------------------------------------- secrets

# They live in shell variables, and reach files through the shell's own printf: never as an argument of a process.
read_secrets() {
  token=$(read_secret token "$token_from" --token-file)
  key=$(read_secret key "$key_from" --api-key-file)
}

# read_secret KIND FILE OPTION
read_secret() {
  case $2 in
    '') return 0 ;;
    -) [ ! -t 0 ] || fatal "$3 -: standard input is a terminal, which would show the secret: use a file or a pipe" ;;
    *)
      [ -e "$2" ] || fatal "$3: there is no $2"
      if [ -d "$2" ] || [ ! -r "$2" ]; then fatal "$3: cannot read $2"; fi
      case $(stat -L -c %A "$2") in ????------*) ;; *) fatal "$3: others can read $2: chmod 600 it first" ;; esac
      ;;
  esac
  secret=$(cat -- "$2" | tr -d '\r' | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d')
  secret=${secret#[Bb]earer }
  demand "$1" "$secret" "$3"
  show "$secret"
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
  if [ ! -e "$destdir$1" ] && [ ! -L "$destdir$1" ]; then return 0; fi
  changed=yes
  if [ "$dry" = no ]; then
    remember_file "$1"
    try rm -f "$destdir$1"
  fi
  tell "removed: $1" "would be removed: $1"
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
    try cp -pP "$destdir$1" "$destdir$UNDO/$copies"
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
    put_service_back || warn 'Fluent Bit does not start again: journalctl -u fluent-bit tells why' || :
  fi
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

# What we ship for a path. A fluent-bit.conf that names a storage.path keeps it (activity-log.conf tells why).
render() {
  if [ "$1$has_storage" = "$ETC/activity-log.conf"yes ]; then
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

# --------------------------------------------------------------------------------- values: $env_text, activity-log.env to be

# The last one counts, as with systemd.
env_value() {
  value=''
  while IFS= read -r line; do
    case $line in "$1="*) value=${line#*=} ;; esac
  done <<END
$env_text
END
  value=${value%"${value##*[![:space:]]}"}
  case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
  show "$value"
}

# Sets a value where it stands, else where it is commented out, else at the end.
set_env() {
  text=''
  case $NL$env_text in
    *"$NL$1="*) place="$1=" ;;
    *"$NL#$1="*) place="#$1=" ;;
    *) place='' env_text=$env_text$NL$1=$2 ;;
  esac
  [ -n "$place" ] || return 0
  while IFS= read -r line; do
    case $line in "$place"*) line="$1=$2" ;; esac
    text=$text$line$NL
  done <<END
$env_text
END
  env_text=${text%"$NL"}
}

# What was given goes before what is there, and that before what the tutorial's blocks say.
plan_values() {
  env_text=$(cat "$destdir$ENV_FILE" 2>/dev/null) || env_text=$(cat "$here/systemd/activity-log.env")
  if [ ! -e "$destdir$ENV_FILE" ] && [ -z "$interval" ]; then
    interval=$(found interval)
    [ -z "$(flaw_of interval "$interval")" ] || interval=''
  fi
  plan_value ACTIVITY_LOG_TAG tag "$tag" "$(found tag)"
  plan_value ACTIVITY_LOG_HOST host "$host" "$(found host)"
  plan_value ACTIVITY_LOG_API_KEY key "$key" "$found_key"
  plan_value ACTIVITY_LOG_PROVIDER provider "$provider" ''
  if [ -n "$interval" ] && [ "$interval" != "$(env_value ACTIVITY_LOG_INTERVAL)" ]; then
    set_env ACTIVITY_LOG_INTERVAL "$interval"
    # A run has to end well before the next one is due.
    set_env ACTIVITY_LOG_DEADLINE "$((interval * 4 / 5))s"
  fi
  demand interval "$(env_value ACTIVITY_LOG_INTERVAL)" "ACTIVITY_LOG_INTERVAL in $ENV_FILE"
  plan_token
}

# plan_value NAME KIND GIVEN FOUND
plan_value() {
  value=$(env_value "$1")
  if [ -n "$3" ]; then
    [ "$value" = "$3" ] || set_env "$1" "$3"
  elif [ -n "$4" ] && [ -z "$value" ] && [ -z "$(flaw_of "$2" "$4")" ]; then
    set_env "$1" "$4"
    info "$1 is taken from fluent-bit.conf"
  fi
}

# Sets $token_in to where the token is: a file, variable (the tutorial's way) or nothing. The drop-in names a file, which
# comes before any variable; so where there is but a variable, activity-log.env makes that name empty.
plan_token() {
  named=$TOKEN_FILE
  case $NL$env_text in *"${NL}ACTIVITY_LOG_TOKEN_FILE="*) named=$(env_value ACTIVITY_LOG_TOKEN_FILE) ;; esac
  find_token_variable
  if [ -n "$token" ]; then
    token_in=$TOKEN_FILE
  elif [ -n "$named" ] && [ -s "$destdir$named" ]; then
    token_in=$named
  elif [ -n "$variable" ]; then
    token_in=variable
  elif [ -s "$destdir$TOKEN_FILE" ]; then
    token_in=$TOKEN_FILE
  else
    token_in=''
  fi
  case $credentials-$token_in in
    yes- | yes-"$TOKEN_FILE" | no-*) ;;
    *) fatal "--credentials takes the token from $TOKEN_FILE: give it as --token-file" ;;
  esac
  wanted=${token_in:-${named:-$TOKEN_FILE}}
  [ "$token_in" != variable ] || wanted=''
  [ "$named" = "$wanted" ] || set_env ACTIVITY_LOG_TOKEN_FILE "$wanted"
}

# Sets $variable to the one that gives the service a token, and $variable_in to the file that it stands in.
find_token_variable() {
  case $(env_value ACTIVITY_LOG_PROVIDER) in
    cloudscale) names='CLOUDSCALE_API_TOKEN' ;;
    *) names='IONOS_API_TOKEN|IONOS_TOKEN|IONOS_PASSWORD' ;;
  esac
  for file in "$destdir$DROP_INS"/*.conf "$destdir/etc/systemd/system/fluent-bit.service" \
    "$destdir/etc/default/fluent-bit" "$destdir$ENV_FILE"; do
    variable_in=${file#"$destdir"}
    variable=$(sed -n -E "s/^[[:space:]]*(Environment[[:space:]]*=.*)?[\"' =]?($names)=..*\$/\2/p" "$file" 2>/dev/null | sed '$!d')
    if [ -n "$variable" ]; then return 0; fi
  done
}

# Sets $missing to what has to be filled in before events can flow, one a line. Other outputs than the one that is shipped
# as the default may name brokers as their host, or do without host or key: activity-log.conf is the user's then.
find_missing() {
  missing=''
  need ACTIVITY_LOG_TAG tag '--tag NAME'
  set -- "$ETC/activity-log.conf"
  if is_theirs "$1"; then pipeline=$(cat "$destdir$1"); else pipeline=$(render "$1"); fi
  if show "$pipeline" | grep -q '^@INCLUDE outputs/ionos\.conf'; then
    need ACTIVITY_LOG_HOST host '--host HOST'
    need ACTIVITY_LOG_API_KEY key '--api-key-file FILE'
  fi
  [ -n "$token_in" ] || missing="$missing  the API's token, alone in $wanted (or --token-file FILE)$NL"
}

# need NAME KIND OPTION
need() {
  value=$(env_value "$1")
  if [ -z "$value" ]; then
    missing="$missing  $1= in $ENV_FILE (or $3)$NL"
  else
    demand "$2" "$value" "$1 in $ENV_FILE"
  fi
}

# ------------------------------------------------------------------------------------------------------- fluent-bit.conf

# main_awk WHAT [FILE]: reads fluent-bit.conf, or a copy of it (take-over.awk tells what for).
main_awk() {
  awk -v what="$1" -v include="$INCLUDE" -v env_file="$ENV_FILE" -v root="$destdir" -v storage="$STORAGE" \
    -f "$here/fluent-bit/take-over.awk" "${2:-$destdir$MAIN}"
}

# Sets $survey to what there is to know of fluent-bit.conf; nothing when it is the package's own.
survey_main() {
  survey='' found_key='' has_storage='' is_stock=no
  [ "$live" = yes ] || return 0
  if [ "$(md5sum <"$destdir$MAIN" | cut -d' ' -f1)" = "$(package_checksum)" ]; then
    is_stock=yes
    return 0
  fi
  survey=$(main_awk survey)
  found_key=$(main_awk key)
  [ -z "$(found storage)" ] || has_storage=yes
}

# Of fluent-bit.conf as the package brought it, in dpkg's record.
package_checksum() { dpkg_field Conffiles | sed -n "s|^ *$MAIN \([0-9a-f]*\).*\$|\1|p"; }

# The first line of that kind in the survey; yes where there is no more to it.
found() { show "$survey" | awk -v kind="$1" '$1 == kind { print(NF > 1 ? $2 : "yes"); exit }'; }

report_survey() {
  grep -r -l -s --include='*.conf' '^[^#]*fetch_activity_logs\.py' "$destdir$ETC" | while read -r file; do
    [ "$file" = "$destdir$MAIN" ] ||
      warn "${file#"$destdir"} runs the tutorial's fetcher: if fluent-bit.conf includes it, delete that input, or each event comes twice"
  done
  while read -r kind text; do
    case $kind in
      warn) warn "$text" ;;
      note) [ -n "$missing" ] || info "$text" ;;
    esac
  done <<END
$survey
END
}

# Puts our file in the place of the package's, or our line into one that the user has changed.
install_main() {
  changed=no
  if [ "$is_stock" = yes ]; then
    put 600 "$MAIN_BACKUP" cat "$destdir$MAIN"
    put as-is "$MAIN" render "$MAIN"
    record="$record$(render "$MAIN" | checksum)  $MAIN$NL"
  elif [ -z "$(found included)" ] || [ -n "$(found taken)" ]; then
    put 600 "$MAIN_BACKUP" cat "$destdir$MAIN"
    put as-is "$MAIN" main_awk rewrite
    record="$record$(checksum <"$destdir$MAIN")  $MAIN_BACKUP$NL"
  elif [ -n "$(recorded "$MAIN")" ]; then
    put_config "$MAIN"
  else
    keep_record "$MAIN_BACKUP"
  fi
}

# --------------------------------------------------------------------------------------------------------------- install

plan() {
  read_record
  survey_main
  plan_values
  find_missing
  report_survey
}

install() {
  record=''
  set_up_node
  build
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
  if [ -f "$built" ]; then
    put 755 "$SCRIPT" render_program
  else
    tell '' "would be installed: $SCRIPT"
  fi
}

render_program() {
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
  put 600 "$ENV_FILE" show "$env_text"
  [ "$changed" = no ] || need_restart=yes
  if [ -n "$token" ]; then
    put 600 "$TOKEN_FILE" show "$token"
  elif [ -L "$destdir$TOKEN_FILE" ]; then
    # Something else looks after it, and after its mode.
    changed=no
  elif [ -f "$destdir$TOKEN_FILE" ]; then
    put 600 "$TOKEN_FILE" cat "$destdir$TOKEN_FILE"
  elif [ -z "$token_in" ]; then
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
$env_text
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
  stays_up || fatal 'Fluent Bit does not stay up: journalctl -u fluent-bit tells why'
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
  point_out_variable
  if [ -n "$missing" ]; then
    info "Still missing:$NL${missing}Until then fluent-bit.conf stays as it is. Then run again: sudo sh $here/install.sh"
    return 0
  fi
  [ "$changes" -gt 0 ] || info 'nothing to change'
  [ "$dry" = no ] || return 0
  "$destdir$SCRIPT" check </dev/null 9<&- || warn 'see above what is not right yet'
  info "events: the first after $(env_value ACTIVITY_LOG_INTERVAL) s; in Grafana: {tag_name=\"$(env_value ACTIVITY_LOG_TAG)\"}"
  info 'what the program has to say: journalctl -u fluent-bit'
}

point_out_variable() {
  case $variable-$variable_in in
    -*) ;;
    *-/etc/systemd/*)
      warn "$variable in $variable_in: every local user can read it with systemctl show fluent-bit"
      if [ "$token_in" = variable ]; then
        info 'It keeps working. To end that: give it as --token-file FILE once, then delete the line.'
      else
        info "It is no longer used: the token is in $token_in. Delete the line."
      fi
      ;;
  esac
}

# ------------------------------------------------------------------------------------------------------------- uninstall

uninstall() {
  env_text='' found_key='' was_restored=no
  read_record
  uninstall_main
  uninstall_config
  drop "$SCRIPT"
  if [ "$purge" = yes ]; then
    for path in "$ENV_FILE" "$TOKEN_FILE" "$ETC/cloudscale.token" "$MAIN_BACKUP"; do drop "$path"; done
  fi
  leave_service
  # Not before: a run that is under way would write it once more.
  if [ "$purge" = yes ]; then purge_state; fi
  drop "$RECORD"
  commit
  [ "$dry" = yes ] || remove_folders
  [ "$changes" -gt 0 ] || info 'nothing to remove'
  say_what_stays
}

# The backup comes back; what you have edited since stays, without what is ours.
uninstall_main() {
  main_file=$destdir$MAIN
  [ -f "$main_file" ] || return 0
  left=$(recorded "$MAIN")$(recorded "$MAIN_BACKUP")
  if [ -f "$destdir$MAIN_BACKUP" ] && [ "$left" = "$(checksum <"$main_file")" ]; then
    main_file=$destdir$MAIN_BACKUP was_restored=yes
  fi
  put as-is "$MAIN" main_without_us
  [ "$changed" = no ] || need_restart=yes
  [ "$was_restored" = no ] || drop "$MAIN_BACKUP"
}

main_without_us() {
  if grep -q -i -E '^(#~# |[[:space:]]*@include[[:space:]](.*/)?activity-log\.conf)' "$main_file"; then
    main_awk restore "$main_file"
  else
    cat "$main_file"
  fi
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

purge_state() {
  for path in "$destdir$STATE"/activity_log_state.json* "$destdir$STATE"/cloudscale_log_state.json* \
    "$destdir$STATE"/oversize.jsonl "$destdir$STATE"/rejected.jsonl; do
    # The tutorial's fetcher goes on from its state.
    case $path in */activity_log_state.json) ! grep -q -s '^[^#]*fetch_activity_logs\.py' "$destdir$MAIN" || continue ;; esac
    if [ -f "$path" ]; then drop "${path#"$destdir"}"; fi
  done
}

# Those that are empty; with --purge also the chunks that wait for Fluent Bit, unless its configuration names the place.
remove_folders() {
  if [ "$purge" = yes ]; then
    grep -r -q -s "^[^#]*$STORAGE" "$destdir$ETC" || rm -rf "$destdir$STORAGE" || :
    rm -rf "$destdir$STATE"/*_state.json.lock || :
  fi
  for folder in "$ETC/outputs" "$DROP_INS" "${SCRIPT%/*}" "$STATE"; do
    if [ "$folder$purge" != "$STATE"no ]; then rmdir "$destdir$folder" 2>/dev/null || :; fi
  done
}

say_what_stays() {
  for path in "$destdir$ENV_FILE" "$destdir$TOKEN_FILE" "$destdir$STATE" "$destdir$MAIN_BACKUP" \
    "$destdir$ETC"/*.saved "$destdir$ETC"/*/*.saved "$destdir$DROP_INS"/*.saved; do
    if [ -e "$path" ]; then info "stays: ${path#"$destdir"}"; fi
  done
}

main "$@"
