#!/bin/sh
# Installs fetch-activity-logs into the Fluent Bit of this machine, on Debian or Ubuntu with systemd.
#
#     sudo ./install.sh --tag activityLog --host HOST --api-key-file FILE --token-file FILE
#     sudo ./install.sh --uninstall
#
# Checks everything before it writes anything. If a step fails, such as Fluent Bit's own test of the configuration or
# its restart, everything is restored. A second run changes nothing and restarts nothing. An upgrade keeps what you have
# edited. A value without its option stays as it is; on the first run, tag, host, interval, key and token are taken
# over from the IONOS tutorial's setup if this machine has it.
#
#     --tag NAME            tag of the events; at the Logging Service the pipeline's tag: 3 to 20 letters and digits
#     --host HOST           host of the destination, without scheme and path
#     --interval DURATION   between two runs, 10s to 24h [5m]
#     --provider NAME       ionos or cloudscale [ionos]
#     --token-file FILE     the API's token; - for standard input. No secret is ever an option itself.
#     --api-key-file FILE   the destination's key; - for standard input
#     --credentials         pass the token to a service that has its own User= (systemd 247 or newer)
#     --release FILE        install this release archive instead of the files beside install.sh
#     --dry-run             say what would change, and change nothing
#     --check               the same, with exit code 1 if something would
#     --no-restart          leave the restart of Fluent Bit to you
#     --uninstall           remove everything but state and secrets, and bring back fluent-bit.conf
#     --purge               with --uninstall: remove state and secrets, too
#     --destdir DIR         for packagers: put the files under DIR; this machine is neither read nor changed
#     --live                with --destdir, for tests: look at the machine and restart, as without it
#     --version             show the version that it installs
#     --help                show this text
#
# Exit codes: 0 done, 1 not done or (--check) something would change, 2 wrong usage.
#
# The program decides on the files (`fetch-activity-logs setup`, src/setup) and writes the steps into a folder. This
# script carries them out, so that each can be undone.

set -eu
umask 077
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
unset CDPATH

# How long to wait for a run of the tutorial's fetcher.
MAX_FETCHER_SECONDS=60
# Room for the configuration, besides the program.
SPARE_KB=1024

SCRIPT=/opt/fluent-bit/scripts/fetch-activity-logs
FETCHER=/opt/fluent-bit/scripts/fetch_activity_logs.py
LINK=/usr/local/bin/fetch-activity-logs
MANUAL=/usr/local/share/man/man1/fetch-activity-logs.1
ETC=/etc/fluent-bit
MAIN=$ETC/fluent-bit.conf
DROP_INS=/etc/systemd/system/fluent-bit.service.d
STATE=/var/lib/fluent-bit
# The checksum of each configuration file as it was installed, which tells your edits from ours (src/setup/record.ts).
RECORD=$ETC/.activity-log.installed
# Needed to undo a run: copies of the files as they were, and a journal of what was done.
UNDO=$ETC/.activity-log.undo
NEW=.activity-log-new

NL='
'

main() {
  parse_options "$@"
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  # The reader of stdout may have left: `| head`.
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  here=$(cd "$(dirname "$0")" && pwd -P) script=$here/install.sh
  [ -z "$release" ] || unpack_release
  if [ "$live$show_version" = yesno ]; then check_machine; fi
  find_program
  if [ "$show_version" = yes ]; then program --version </dev/null && return 0; fi
  if [ "$uninstall" = no ]; then check_folders; fi
  begin
  if [ "$uninstall" = yes ]; then uninstall; else install; fi
  if [ "$check" = yes ] && [ "$changes" -gt 0 ]; then exit 1; fi
}

# ---------------------------------------------------------------------------------------------------- options, messages

parse_options() {
  uninstall=no destdir='' live=no dry=no check=no restart=yes purge=no credentials=no show_version=no
  # A line for each option that is the program's to understand.
  values='' release=''
  changes=0 copies=0 at_work=no need_restart=no enabled=no reloaded=no restarted=no
  temporary=''
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
  [ -n "$destdir" ] || live=yes
}

take_option() {
  [ -n "$2" ] || usage "$1 needs a value"
  case $2 in *"$NL"*) usage "$1: a line break" ;; esac
  case $1 in
    --release) release=$2 ;;
    --destdir)
      destdir=${2%/}
      case $destdir in /*) ;; *) usage "--destdir: a folder by its path from the root, other than /" ;; esac
      ;;
    *) values=$values$1=$2$NL ;;
  esac
}

# Without a reader there is nothing more to say, nor to do.
info() { printf '%s\n' "$*" 2>/dev/null || exit 141; }
warn() { printf 'install.sh: warning: %s\n' "$*" >&2; }
fatal() {
  printf 'install.sh: error: %s\n' "$*" >&2
  exit 1
}

usage() {
  printf 'install.sh: error: %s\ninstall.sh --help lists the options\n' "$*" >&2
  exit 2
}

manual() { sed -n -e '1d' -e '/^# The program decides/q' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"; }

# Runs a command quietly; if it fails, its own output is the error.
try() {
  said=$("$@" 2>&1) || fatal "${said:-$1 failed}"
}

# ------------------------------------------------------------------------------------------------------ what is checked

# To a temporary folder; what is beside this script is not used then.
unpack_release() {
  [ -f "$release" ] || fatal "--release: there is no $release"
  archive=$(cd "$(dirname "$release")" && pwd -P)/${release##*/}
  if [ -f "${archive%/*}/SHA256SUMS" ]; then
    (cd "${archive%/*}" && grep "  ${archive##*/}\$" SHA256SUMS | sha256sum -c --status) ||
      fatal "$release does not match its line in SHA256SUMS: download it again"
  fi
  temporary=$(mktemp -d)
  said=$(tar -xf "$archive" -C "$temporary" 2>&1) ||
    fatal "cannot unpack $release: ${said%%"$NL"*} (damaged, no space in ${TMPDIR:-/tmp}, or xz-utils is missing)"
  here=$(echo "$temporary"/fetch-activity-logs-*)
  [ -d "$here" ] || fatal "$release is not a release of fetch-activity-logs"
}

check_machine() {
  [ "$(id -u)" = 0 ] || fatal 'needs root: sudo ./install.sh'
  if [ ! -d "$destdir/run/systemd/system" ] || ! command -v systemctl >/dev/null; then
    fatal 'this machine does not run systemd'
  fi
  is_active=$(systemctl is-active fluent-bit 2>/dev/null) || :
  is_enabled=$(systemctl is-enabled fluent-bit 2>/dev/null) || :
  [ "$uninstall" = no ] || return 0
  command -v dpkg-query >/dev/null || fatal 'this is neither Debian nor Ubuntu: install by hand, as the README says'
  [ "$(dpkg_field db:Status-Status)" = installed ] ||
    fatal 'the package fluent-bit is not installed: see https://docs.fluentbit.io/manual/installation'
}

show_unit() { systemctl show -p "$1" --value fluent-bit 2>/dev/null || :; }
dpkg_field() { dpkg-query -W -f "\${$1}\n" fluent-bit 2>/dev/null || :; }

# In a release: an executable that contains Node.js. In a checkout: a script, with the Node.js that built it in $node.
find_program() {
  node='' built=$here/fetch-activity-logs
  if [ -f "$built" ]; then
    case $(od -A n -t x1 -N 20 "$built" | tr -d ' \n')-$(uname -m) in
      7f454c46*3e00-x86_64 | 7f454c46*b700-aarch64) ;;
      7f454c46*) fatal "${release:-$built} is for another architecture; this machine is $(uname -m)" ;;
    esac
  else
    find_built
  fi
  program --version </dev/null >/dev/null 2>&1 ||
    fatal "$built does not run here: it needs glibc 2.28 or newer (musl will not do), and a complete archive"
}

find_built() {
  elsewhere="build it with another Node.js, or install a release: --release FILE"
  [ -f "$here/package.json" ] || fatal "$built is missing: unpack the release archive again"
  built=$here/dist/fetch-activity-logs.js
  [ -f "$built" ] ||
    fatal "$built is missing: npm ci && npm run build there first, or install a release: --release FILE"
  if [ -n "$(find "$here/src" -newer "$built" 2>/dev/null | sed 1q)" ]; then
    warn "$built is older than the sources; after an upgrade, run npm ci && npm run build there, and then this again"
  fi
  node=$(cat "$here/dist/built-with")
  case $node-$(readlink -f "$node") in
    *[[:space:]]*) fatal "$node built it, and its path contains a space: $elsewhere" ;;
    /home/* | /root/* | "${HOME:-/root}"/* | *-/home/* | *-/root/* | *-"${HOME:-/root}"/*)
      fatal "it was built with $node, which is in a home folder (nvm?), where the service cannot rely on it: $elsewhere"
      ;;
    /snap/* | *-/usr/bin/snap) fatal "it was built with $node, which is a snap, whose path changes with each update: $elsewhere" ;;
  esac
  [ -x "$node" ] || fatal "$node built it and no longer exists: $elsewhere"
}

program() { if [ -n "$node" ]; then "$node" "$built" "$@"; else "$built" "$@"; fi; }

# The folders to be written to, or the ones in which they will be made.
check_folders() {
  for folder in "${SCRIPT%/*}" "${LINK%/*}" "${MANUAL%/*}" "$ETC/outputs" "$DROP_INS"; do
    while [ -n "$folder" ] && [ ! -e "$destdir$folder" ]; do folder=${folder%/*}; done
    folder=$destdir$folder
    [ -e "$folder" ] || continue
    [ -d "$folder" ] || fatal "$folder is not a folder"
    if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then fatal "cannot write to the folder $folder"; fi
    # The new program is beside the old one for a moment.
    needed=$SPARE_KB free=$(df -P -k "$folder" | awk 'NR == 2 { print $4 }')
    case $destdir${SCRIPT%/*} in "$folder" | "$folder"/*) needed=$((needed + $(stat -c %s "$built") / 1024)) ;; esac
    [ "$free" -ge "$needed" ] ||
      fatal "not enough space in $folder: $((needed / 1024)) MB are needed, and $((free / 1024)) MB are free"
  done
}

# ------------------------------------------------------------------------------------------- changes, and their undoing

# Two at once would undo each other's work. What an earlier run left unfinished (power cut, kill -9) is undone first.
begin() {
  owner=$(stat -c %u "${destdir:-/}" 2>/dev/null) || owner=$(id -u)
  if [ -d "${destdir:-/}" ] && command -v flock >/dev/null; then
    exec 9<"${destdir:-/}"
    flock -n 9 || fatal 'another install.sh is running'
  fi
  if [ -e "$destdir$UNDO/journal" ]; then
    tell 'an earlier run was interrupted: undoing it first' 'would be undone: an earlier run, which was interrupted'
    need_restart=yes
    [ "$dry" = yes ] || put_back || fatal "some files could not be restored: their copies are in $UNDO"
  fi
  if [ "$dry" = yes ]; then
    temporary=${temporary:-$(mktemp -d)} stage=$temporary/stage
  else
    [ ! -e "$destdir$UNDO" ] || try rm -r "$destdir$UNDO"
    at_work=yes stage=$destdir$UNDO/stage
    umask 022
    try mkdir -p "$destdir$ETC"
    umask 077
    try mkdir "$destdir$UNDO"
  fi
  try mkdir "$stage"
}

# tell DONE WOULD: a change, as done or as what would be done.
tell() {
  changes=$((changes + 1))
  if [ "$dry" = yes ]; then info "$2"; else info "$1"; fi
}

# put PATH MODE SOURCE: makes PATH a copy of SOURCE. MODE as-is: that and the owner which it has. Sets $changed.
put() {
  file=$destdir$1 changed=no verb=installed
  [ ! -d "$file" ] || fatal "$file is a folder"
  if [ -e "$file" ]; then
    verb=changed
    if [ "$2" = as-is ] || [ -L "$file" ] || [ "$(stat -c %a:%u "$file")" = "$2:$owner" ]; then
      if cmp -s "$3" "$file"; then return 0; fi
    fi
  fi
  [ ! -L "$file" ] || fatal "$file is a symbolic link, so something else manages it: change the file that it points to"
  changed=yes
  if [ "$dry" = no ]; then
    remember "$1"
    if [ "$2" = as-is ]; then try cp -p "$file" "$file$NEW"; fi
    cat "$3" >"$file$NEW" || fatal "cannot write $file"
    if [ "$2" != as-is ]; then try chmod "$2" "$file$NEW"; fi
    try mv -f "$file$NEW" "$file"
  fi
  tell "$verb: $1" "would be $verb: $1"
}

# drop PATH: removes a file, if it is there. Sets $changed.
drop() {
  changed=no
  if [ ! -e "$destdir$1" ] && [ ! -L "$destdir$1" ]; then return 0; fi
  changed=yes
  if [ "$dry" = no ]; then
    remember "$1"
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
    remember "$1"
    try ln -s "$2" "$destdir$1"
  fi
  tell "installed: $1" "would be installed: $1"
}

# Carries out the program's steps, one a line: put or drop a file, and what follows if that changes anything.
carry_out_steps() {
  while read -r put_or_drop mode effect path source; do
    "$put_or_drop" "$path" "$mode" "$source"
    if [ "$changed$effect" = yesrestart ]; then need_restart=yes; fi
  done <"$stage/steps"
}

# To be called before a change of PATH: a copy first, then the line in the journal, then the change.
remember() {
  make_folder "${1%/*}"
  if [ -e "$destdir$1" ] || [ -L "$destdir$1" ]; then
    copies=$((copies + 1))
    # A second name costs no room; no file is changed in its place.
    ln "$destdir$1" "$destdir$UNDO/$copies" 2>/dev/null || try cp -pP "$destdir$1" "$destdir$UNDO/$copies"
    note "$copies" "$1"
  else
    note created "$1"
  fi
}

# Makes a folder, readable for all, and the folders above it.
make_folder() {
  [ ! -d "$destdir$1" ] || return 0
  make_folder "${1%/*}"
  note made "$1"
  try mkdir -m 755 "$destdir$1"
}

note() { printf '%s %s\n' "$1" "$2" >>"$destdir$UNDO/journal" || fatal "cannot write $UNDO/journal"; }

# Undoes what the journal tells, the last thing first.
put_back() {
  lost=no
  while read -r how path; do
    case $how in
      '' | mode-*) ;; # there is no journal; what an older install.sh noted of the state folder
      created) rm -f "$destdir$path" "$destdir$path$NEW" ;;
      made) rmdir "$destdir$path" 2>/dev/null || : ;;
      *) cp -pP "$destdir$UNDO/$how" "$destdir$path$NEW" && mv -f "$destdir$path$NEW" "$destdir$path" ;;
    esac || lost=yes
  done <<END
$(tac "$destdir$UNDO/journal" 2>/dev/null)
END
  [ "$lost" = no ]
}

# Without the journal there is no way back.
commit() {
  [ "$dry" = no ] || return 0
  try rm -f "$destdir$UNDO/journal"
  at_work='done'
}

finish() {
  status=$?
  trap '' HUP INT PIPE TERM
  trap - EXIT
  if [ "$at_work" = yes ]; then
    if put_back; then
      [ ! -s "$destdir$UNDO/journal" ] || warn 'everything was restored' || :
      at_work='done'
    else
      warn "some files could not be restored: their copies are in $UNDO" || :
    fi
    put_service_back || warn 'Fluent Bit did not start again: journalctl -u fluent-bit says why' || :
  fi
  [ "$at_work" != 'done' ] || rm -rf "$destdir$UNDO" || warn "$UNDO could not be removed"
  [ -z "$temporary" ] || rm -rf "$temporary"
  exit "$status"
}

put_service_back() {
  [ "$enabled" = no ] || systemctl --quiet disable fluent-bit
  [ "$reloaded" = no ] || systemctl daemon-reload
  [ "$restarted" = yes ] || return 0
  if [ "$is_active" = active ]; then start_again; else systemctl stop fluent-bit; fi
}

# -------------------------------------------------------------------------------------------------------------- install

install() {
  # As the package brought fluent-bit.conf, in dpkg's record.
  stock_sum=''
  [ "$live" = no ] || load_edited_unit
  if [ "$live" = yes ]; then stock_sum=$(dpkg_field Conffiles | sed -n "s|^ *$MAIN \([0-9a-f]*\).*\$|\1|p"); fi
  plan install "--stock-sum=$stock_sum"
  missing=$(cat "$stage/missing") interval=$(fact interval) tag=$(fact tag) fetcher=$(fact fetcher) owed=$(fact owed)
  # No restart for this: Fluent Bit starts the program for each run.
  if [ -n "$node" ]; then
    { echo "#!$node" && sed 1d "$built"; } >"$stage/program" || fatal "cannot write $stage/program"
  fi
  if [ -n "$node" ]; then put "$SCRIPT" 755 "$stage/program"; else put "$SCRIPT" 755 "$built"; fi
  put_link "$LINK" "$SCRIPT"
  page=${built%/*}/${MANUAL##*/}
  [ ! -f "$page" ] || put "$MANUAL" 644 "$page"
  carry_out_steps
  if [ "$live" = yes ]; then
    tell_service
    [ "$dry" = yes ] || put "$RECORD" 600 "$stage/record"
  fi
  commit
  [ "$live" = no ] || last_words
}

# plan install|remove …: asks the program, which writes its steps and facts into $stage.
plan() {
  set -- setup "$@" --root "${destdir:-/}" --release "$here" --stage "$stage"
  [ "$live" = no ] || set -- "$@" --live
  [ "$dry" = no ] || set -- "$@" --dry-run
  [ "$purge" = no ] || set -- "$@" --purge
  [ "$credentials" = no ] || set -- "$@" --credentials
  set -f
  IFS=$NL
  # shellcheck disable=SC2086 # one a line
  set -- "$@" $values
  unset IFS
  set +f
  program "$@" 9<&- || exit
}

# A fact from the program, by its name.
fact() { sed -n "s/^$1 //p" "$stage/facts"; }

last_words() {
  if [ -n "$missing" ]; then
    info "Still missing:$NL$missing${NL}Until then fluent-bit.conf stays as it is. Then run again: sudo sh $script"
    return 0
  fi
  [ "$changes" -gt 0 ] || info 'nothing to change'
  [ "$dry" = no ] || return 0
  if [ "$fetcher" = replaced ] && [ -f "$destdir$FETCHER" ]; then info "no longer needed: $FETCHER"; fi
  "$destdir$SCRIPT" check </dev/null 9<&- || warn 'check found problems: see above'
  info "First events in about $interval s. Query in Grafana: {tag_name=\"$tag\"}"
  info 'Logs: journalctl -u fluent-bit'
}

# -------------------------------------------------------------------------------------------------------------- service

# Somebody has edited the unit: until it is read again, systemctl show lacks what was added, and shows what was deleted.
load_edited_unit() {
  [ "$(show_unit NeedDaemonReload)" = yes ] || return 0
  tell 'reading the unit again' 'the unit would be read again'
  reload
}

# Without all values only the unit is read again: its drop-in is there.
tell_service() {
  if [ -z "$missing" ] && [ -n "$owed" ]; then need_restart=yes; fi
  if [ "$need_restart" = yes ]; then
    [ -n "$missing" ] || accept
    reload
    [ -n "$missing" ] || restart
  fi
  # The next run restarts it: the new files are not in force yet.
  if [ "$restarted" = no ] && [ "$need_restart$owed" != no ]; then echo 'owed  restart' >>"$stage/record"; fi
}

# Fluent Bit has to take the configuration.
accept() {
  fluent_bit=$(command -v "$(fact fluent-bit)") || return 0
  [ -f "$destdir$MAIN" ] || return 0
  if [ "$dry" = yes ]; then info 'would be tried: fluent-bit --dry-run' && return 0; fi
  said=$(cd / && export_settings && "$fluent_bit" -c "$destdir$MAIN" --dry-run 2>&1 </dev/null 9<&-) && return 0
  found_key=$(fact key)
  # One line, without colours; where it holds a key that stands in the file, not even that.
  said=$(echo "$said" | sed "s/$(printf '\033')\[[0-9;]*m//g" | grep -i -m 1 error) || said='it does not say why'
  case $said in *"${found_key:-$NL}"*) said='(the message holds a secret)' ;; esac
  fatal "Fluent Bit refuses the configuration: $said"
}

# The service's variables, for a child process.
export_settings() {
  while IFS= read -r setting; do export "${setting?}"; done <"$stage/environment"
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
    echo 'by-us  enabled' >>"$stage/record"
  fi
  wait_for_fetcher
  # systemd makes it, as the drop-in says.
  [ -d "$destdir$STATE" ] || note made "$STATE"
  restarted=yes
  try start_again
  stays_up || fatal 'Fluent Bit does not stay up: journalctl -u fluent-bit says why'
}

# The tutorial's fetcher saves its state when it ends; ended before, all that it has printed would come again.
wait_for_fetcher() {
  seconds=0 parent=$(show_unit MainPID)
  while pgrep -P "$parent" -f 'fetch_activity_logs[.]py' >/dev/null 2>&1; do
    if [ "$seconds" -ge "$MAX_FETCHER_SECONDS" ]; then
      warn "the tutorial's fetcher ran for more than $seconds s and was stopped: what it printed in this run arrives twice"
      return 0
    fi
    sleep 1
    seconds=$((seconds + 1))
  done
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

# ------------------------------------------------------------------------------------------------------------ uninstall

uninstall() {
  plan remove
  fetcher=$(fact fetcher)
  carry_out_steps
  drop "$SCRIPT"
  [ "$(readlink "$destdir$LINK")" != "$SCRIPT" ] || drop "$LINK"
  drop "$MANUAL"
  if [ "$live$need_restart" = yesyes ]; then leave_service; fi
  if [ "$purge" = yes ]; then purge_state; fi
  drop "$RECORD"
  commit
  if [ "$purge" = yes ]; then remove_storage; fi
  [ "$dry" = yes ] || remove_folders
  [ "$changes" -gt 0 ] || info 'nothing to remove'
  while read -r path; do
    if [ "$dry$purge$path" != "yesyes$STATE" ] && [ -e "$destdir$path" ]; then info "stays: $path"; fi
  done <"$stage/stays"
  [ "$fetcher" != back ] ||
    info "the tutorial's fetcher runs again: it needs IONOS_API_TOKEN in the unit (systemctl edit fluent-bit)"
}

leave_service() {
  accept
  reload
  if [ "$is_active" != active ]; then return 0; fi
  # If it was not enabled before us and has no other purpose since.
  if [ "$(fact service)$restart" = oursyes ]; then
    tell 'stopping Fluent Bit, as it was before' 'Fluent Bit would be stopped, as it was before'
    [ "$dry" = no ] || return 0
    restarted=yes
    try systemctl stop fluent-bit
    try systemctl --quiet disable fluent-bit
  else
    restart
  fi
}

# Not before Fluent Bit was restarted: a run that is under way would write it once more.
purge_state() {
  while read -r pattern; do
    for path in "$destdir"$pattern; do
      if [ -f "$path" ]; then drop "${path#"$destdir"}"; fi
    done
  done <"$stage/state"
}

# The chunks of Fluent Bit, unless its own configuration names their folder.
remove_storage() {
  [ -d "$destdir$STATE/storage" ] || return 0
  ours=${UNDO##*/}
  [ "$dry" = no ] || ours=activity-log.conf
  if grep -rqs "--exclude-dir=${UNDO##*/}" "--exclude=$ours" "^[^#]*$STATE/storage" "$destdir$ETC"; then return 0; fi
  [ "$dry" = yes ] || rm -rf "$destdir$STATE/storage" || return 0
  tell "removed: $STATE/storage" "would be removed: $STATE/storage"
}

# Those that are empty.
remove_folders() {
  if [ "$purge" = yes ]; then
    find "$destdir$STATE" -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null || :
  fi
  for folder in "$ETC/outputs" "$DROP_INS" "${SCRIPT%/*}" "${MANUAL%/*}" "$STATE"; do
    if [ "$folder$purge" != "$STATE"no ]; then rmdir "$destdir$folder" 2>/dev/null || :; fi
  done
}

main "$@"
