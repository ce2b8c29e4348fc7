#!/bin/sh
# harden-wg-keeper: keeps a script of `harden wg render --format script` in force on a gateway without harden.
# Printed by `harden wg render --format keeper`; needs root, a POSIX shell, the usual small programs and flock.
# shellcheck disable=SC2012 # there are no strange names in /proc, and readlink takes but one name in a busybox
# shellcheck disable=SC2015 # of `A && B || error`: yes, also if B fails
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
umask 077

USAGE='usage: harden-wg-keeper VERB [--state DIR] [--json]
  apply SCRIPT [--confirm SECONDS] [--dry-run]   put the rules of SCRIPT (- is standard input) in force
  confirm [--force] [--dry-run]                  keep the rules that are on trial
  rollback [--dry-run]                           the rules before the last apply; during a trial: give it up
  restore [--dry-run]                            the last confirmed rules, at boot and to repair
  remove [--dry-run]                             no rule of harden at all
  status                                         exit 0: as confirmed or on trial; 3: something else
State is kept in DIR/wg-keeper; DIR is HARDEN_STATE, or /var/lib/harden.'
FRESH='open another connection to this host (for ssh: -o ControlPath=none) and confirm there'

say() { printf 'harden: %s\n' "$1" >&2; }
error() {
  say "error: $1"
  shift
  for hint; do say "hint: $hint"; done
  exit 1
}
usage() { say "error: $1"; printf '%s\n' "$USAGE" >&2; exit 2; }
# What a person reads, or one JSON document; both are the answer.
answer() { if [ "$json" = yes ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }

# --- state: whole files, one of these verbs at a time

# Standard input becomes the file $1, whole or not at all.
put() {
  cat >"$1.new" && flush "$1.new" && mv -f "$1.new" "$1" && flush "${1%/*}"
}
flush() { sync "$1" 2>/dev/null || sync; }
copy() { put "$2" <"$1"; }
fact() { cat "$trial/$1" 2>/dev/null; }

make_state() {
  mkdir -p "$root" && { mkdir "$state" 2>/dev/null || [ -d "$state" ]; } && [ -O "$state" ] && [ ! -L "$state" ] &&
    chmod 0700 "$state" || error "$state: is not a folder of root's own" 'name another one with --state'
}
# The kernel lets go when the last process ends that works for us, a script that writes rules among them.
lock() {
  exec 8>>"$state/lock"
  waited=0
  until flock -n 8; do
    waited=$((waited + 1))
    [ "$waited" -le 60 ] || error 'another keeper is at work, and did not end within 60 seconds' 'try again'
    sleep 1
  done
}
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
later() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }
# Seconds that nobody can set, and that go on while the machine sleeps.
since_boot() {
  read -r uptime _ </proc/uptime
  printf '%s' "${uptime%%.*}"
}
# Changes when rules are gone: with a boot, and with a new network namespace (a container's new start).
incarnation() {
  read -r boot </proc/sys/kernel/random/boot_id
  printf '%s %s' "$boot" "$(ls -l /proc/self/ns/net | sed 's/.* -> //')"
}

# --- scripts: an empty one, or none, stands for no rules at all

digest_of() { sed -n '2s/.*(rule set \([0-9a-f]*\)).*/\1/p' "$1" 2>/dev/null; }
same() { [ "$(digest_of "$1")" = "$(digest_of "$2")" ]; }

# The script $1 as a file of our own, which nobody changes while it is used.
take_script() {
  trap 'rm -f "$state/incoming"' EXIT
  if [ "$1" = - ]; then put "$state/incoming"; else
    [ -f "$1" ] && [ -r "$1" ] || error "$1: no such file"
    copy "$1" "$state/incoming"
  fi || error "$state: cannot be written to"
  taken=$state/incoming
  [ -n "$(digest_of "$taken")" ] || error "$1: is no script of \`harden wg render --format script\`"
  case $(sed -n '$p' "$taken") in
    "say 'the rules for "*" are in force'") ;;
    *) error "$1: its end is missing" 'copy it again' ;;
  esac
  sh -n "$taken" || error "$1: the shell does not understand it" 'copy it again'
}
# 0: just these rules are in force; 3: they are not; 1: that cannot be told.
in_force() {
  if [ ! -s "$1" ]; then
    if [ ! -s "$state/verbs" ]; then return 0; fi
    shown=$(sh "$state/verbs" show) || return 1
    if [ -z "$shown" ]; then return 0; else return 3; fi
  fi
  said=$(sh "$1" check 2>&1)
  case $? in 0) ;; 3) return 3 ;; *) printf '%s\n' "$said" >&2; return 1 ;; esac
  if ! remembered "$1"; then return 0; fi
  shown=$(sh "$1" show) || return 1
  if [ "$shown" = "$(sed 1d "$state/seen")" ]; then return 0; else return 3; fi
}
# Whether we know how the kernel words the rules of this script: it was put in force since boot.
remembered() {
  [ -s "$state/seen" ] || return 1
  read -r words <"$state/seen"
  [ "$words" = "$(digest_of "$1") $(incarnation)" ]
}
remember() {
  shown=$(sh "$1" show) || { rm -f "$state/seen"; return 0; }
  printf '%s %s\n%s\n' "$(digest_of "$1")" "$(incarnation)" "$shown" | put "$state/seen"
}
put_in_force() {
  if [ -s "$1" ]; then
    sh "$1" || return 1
    remember "$1" || say 'warning: what the kernel shows of the rules cannot be kept'
  elif [ -s "$state/verbs" ]; then
    sh "$state/verbs" remove || return 1
    rm -f "$state/seen"
  fi
}

# --- trials: `open` names the one that waits; the confirmed rules are what comes back

open_trial() {
  trial_id=
  [ -r "$state/open" ] && read -r trial_id <"$state/open" && trial=$state/trial-$trial_id && [ -d "$trial" ]
}
trial_over() {
  deadline=$(fact deadline)
  case $deadline in '' | *[!0-9]*) return 0 ;; esac
  [ "$(fact incarnation)" != "$(incarnation)" ] || [ "$(since_boot)" -ge "$deadline" ]
}
waiting() {
  if open_trial; then printf '{"seconds": %s, "until": "%s"}' "$(fact seconds)" "$(fact until)"; else printf null; fi
}
end_trial() {
  printf '%s %s %s %s\n' "$1" "$(fact applied)" "$(now)" "$(fact seconds)" | put "$state/ended"
  rm -f "$state/open"
  rm -rf "$state"/trial-*
}
back() {
  put_in_force "$state/confirmed" || { say 'error: the confirmed rules do not come back'; return 1; }
  end_trial "$1"
}
settle() {
  if open_trial && trial_over; then
    say "warning: the rules that were applied at $(fact applied) were not confirmed: the ones before are back"
    back expired || exit 1
  fi
}
# The deadline is never earlier than promised, though seconds are cut off.
set_deadline() {
  printf '%s\n' "$(($(since_boot) + $1 + 1))" | put "$trial/deadline" && later "$1" | put "$trial/until"
}
begin_trial() {
  read -r uuid </proc/sys/kernel/random/uuid
  trial_id=${uuid%%-*}
  trial=$state/trial-$trial_id
  mkdir "$trial" && copy "$taken" "$trial/script" && printf '%s\n' "$1" | put "$trial/seconds" &&
    incarnation | put "$trial/incarnation" && now | put "$trial/applied" && set_deadline "$1" &&
    printf '%s\n' "$trial_id" | put "$state/open"
}
# As if this trial had not been begun. One that was open before goes on, and its watchdog has waited for that.
withdraw_trial() {
  if [ -n "$1" ]; then printf '%s\n' "$1" | put "$state/open"; else rm -f "$state/open"; fi
  rm -rf "$trial"
}

# --- the watchdog: started before rules are written, which are not written before it runs

watchdog() {
  case $(sed -n 2p "$0" 2>/dev/null) in
    '# harden-wg-keeper: '*) ;;
    *) say 'error: the keeper was not read from a file, so it cannot start its watchdog'; return 1 ;;
  esac
  copy "$0" "$state/watchdog" || return 1
  set -- "$state/watchdog" expire "$1" --state "$root"
  by_systemd "$@" || detached "$@"
  waited=0
  until [ -e "$trial/armed" ]; do
    waited=$((waited + 1))
    if [ "$waited" -gt 200 ]; then say 'error: the watchdog does not start'; return 1; fi
    sleep 0.1 2>/dev/null || sleep 1
  done
}
# Where systemd runs and what it starts is in our network namespace (sd_booted(3)). It starts it again if it is killed.
by_systemd() {
  [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1 || return 1
  [ "$(ls -l /proc/1/ns/net | sed 's/.* -> //')" = "$(ls -l /proc/self/ns/net | sed 's/.* -> //')" ] || return 1
  systemd-run --quiet --collect --unit="harden-wg-keeper-trial-$trial_id" --property=Restart=on-failure \
    --property=RestartSec=1 --property=StartLimitIntervalSec=0 /bin/sh "$@" >/dev/null 2>&1 8>&-
}
# Else a process in a session of its own; nobody's child, so that it goes on when we are killed.
detached() {
  if command -v setsid >/dev/null 2>&1; then set -- setsid sh "$@"; else set -- sh "$@"; fi
  (trap '' HUP; "$@" </dev/null >/dev/null 2>&1 8>&- &)
}
expire() {
  trap '' HUP INT
  { : >"$state/trial-$1/armed"; } 2>/dev/null || exit 0
  while [ -d "$state/trial-$1" ]; do
    if is_over "$1"; then (expire_now "$1") && exit 0; fi
    sleep 1
  done
}
is_over() { open_trial && [ "$trial_id" = "$1" ] && trial_over; }
expire_now() {
  exec 8>>"$state/lock"
  flock 8 || return 1
  is_over "$1" && back expired # it may have got more time while we waited
}

# --- connections: an inode names one as long as the machine runs (proc_pid_net(5))

# The established TCP connections of a process's network namespace: inode, local and remote end.
connections_of() {
  sed -n 's/^ *[0-9]*: \([0-9A-F:]*\) \([0-9A-F:]*\) 01 [^ ]* [^ ]* [^ ]* *[0-9]* *[0-9]* \([1-9][0-9]*\) .*/\3 \1 \2/p' \
    "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null
}
every_connection() {
  for pid in $$ 1 $(
    ls -l /proc/[0-9]*/ns/net 2>/dev/null |
      sed -n 's|.* /proc/\([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$|\2 \1|p' | sort -u -k 1,1 | sed 's/.* //'
  ); do connections_of "$pid"; done
}
sockets_of() { ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.* -> socket:\[\([0-9]*\)\]$/\1/p'; }
# This process and those above it, but not the first of all, which is nobody's session.
ancestors() {
  pid=$$
  while [ "${pid:-0}" -gt 1 ]; do
    printf '%s\n' "$pid"
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null)
  done
}
# The connections that carry this session: those of the nearest ancestor that has any, as sshd's own process has.
# Where the way up is cut off (tmux, screen), SSH_CONNECTION names its ports. `?`: it came from elsewhere, but by
# which connection is not to be found. Nothing: a console, or whatever started us did it here.
session() {
  named=${SSH_CONNECTION-}
  outlives=
  for pid in $(ancestors); do
    carriers=$({
      sockets_of "$pid" | sort -u
      connections_of "$pid" | sed 's/ .*//' | sort -u
    } | sort | uniq -d)
    if [ -n "$carriers" ]; then printf '%s\n' "$carriers"; return; fi
    variables=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ")
    [ -n "$named" ] || named=$(printf '%s\n' "$variables" | sed -n 's/^SSH_CONNECTION=//p')
    # tmux and screen; sudo before them takes away what names the connection
    [ -n "$outlives" ] || outlives=$(printf '%s\n' "$variables" | sed -n -e '/^TMUX=./p' -e '/^STY=./p')
  done
  if [ -n "$named" ]; then
    carriers=$(named_connections "$named")
    printf '%s\n' "${carriers:-?}"
  elif [ -n "$outlives" ]; then
    printf '?\n'
  fi
}
named_connections() {
  ports=$(printf '%s\n' "$1" | sed -n 's/^[^ ]* \([0-9]\{1,5\}\) [^ ]* \([0-9]\{1,5\}\)$/\2 \1/p')
  if [ -z "$ports" ]; then return; fi
  ends=$(printf '[0-9A-F]*:%04X [0-9A-F]*:%04X' "${ports% *}" "${ports#* }")
  every_connection | sed -n "s/^\([0-9]*\) $ends\$/\1/p"
}
note_connections() {
  {
    # Twice: the process by which a namespace is looked at may end meanwhile, and what is missed would count as new.
    every_connection | sed 's/ .*//'
    every_connection | sed 's/ .*//'
    for pid in $(ancestors); do sockets_of "$pid"; done
  } | sort -u | put "$trial/known"
}
# The rules may not be what was to be tried: nobody can want to keep those.
refuse_unfinished() {
  [ -f "$trial/known" ] ||
    error 'the apply was cut off before it was done: nobody can tell which connections are new' \
      "the rules before come back at $(fact until), or at once: rollback; then apply again"
}
refuse_old() {
  carriers=$(session)
  case $carriers in
    '') return ;;
    '?')
      error 'this session came by a connection that is not to be found any more (tmux, screen?): that does not prove that a new one works' \
        "$FRESH" '--force confirms all the same'
      ;;
  esac
  [ -z "$({ printf '%s\n' "$carriers" | sort -u; cat "$trial/known"; } | sort | uniq -d)" ] ||
    error "this session's connection is older than the rules: that it goes on does not prove that a new one works" \
      "$FRESH" '--force confirms all the same'
}

# --- the verbs

apply_script() {
  lock
  [ "$dry" = yes ] || settle
  take_script "$1"
  in_force "$taken"
  case $? in 0) in_sync=true ;; 3) in_sync=false ;; *) error 'nothing was changed: it cannot be told which rules are there' ;; esac
  if open_trial; then
    if [ $in_sync = true ] && same "$taken" "$trial/script"; then say_applied false; return; fi
    [ -n "$seconds" ] || error "rules are on trial until $(fact until): nothing was changed" 'confirm or rollback first'
  elif [ $in_sync = true ]; then
    keep_in_sync
    return
  fi
  if [ "$dry" = yes ]; then say_applied false; else change_rules; fi
}
# The kernel holds these rules already. If others are confirmed, somebody else has put these in force.
keep_in_sync() {
  changed=false
  if ! same "$taken" "$state/confirmed"; then changed=true; fi
  if [ "$dry" = yes ]; then changed=false; else
    if [ $changed = true ] && [ -e "$state/confirmed" ]; then copy "$state/confirmed" "$state/previous"; fi &&
      copy "$taken" "$state/verbs" && copy "$taken" "$state/confirmed" || error "$state: cannot be written to"
    remember "$taken" || error "$state: cannot be written to"
  fi
  say_applied $changed
}
change_rules() {
  strange=no # rules of harden are there that this keeper does not know
  if [ ! -e "$state/confirmed" ]; then
    shown=$(sh "$taken" show) || error 'nothing was changed: it cannot be told which rules are there'
    if [ -n "$shown" ]; then strange=yes; fi
    if [ $strange = yes ] && [ -n "$seconds" ]; then
      error 'rules of harden are in force that this keeper did not put there, so it could not bring them back' \
        'first apply the script that they are from: that changes nothing; or leave --confirm out'
    fi
  fi
  copy "$taken" "$state/verbs" || error "$state: cannot be written to"
  if [ -n "$seconds" ]; then try_rules; else keep_rules; fi
  say_applied true
}
keep_rules() {
  trap '' HUP INT TERM
  if ! put_in_force "$taken"; then
    [ $strange = no ] || error 'the rules before are not known here: the gateway stays as the script has left it'
    put_in_force "$state/confirmed" || error 'the rules before do not come back either'
    error 'the new rules were refused; the ones before are in force'
  fi
  if [ $strange = yes ]; then rm -f "$state/previous"
  elif [ -e "$state/confirmed" ]; then copy "$state/confirmed" "$state/previous"
  else : | put "$state/previous"; fi && copy "$taken" "$state/confirmed" ||
    error "$state: cannot be written to; the rules are in force, but the next restore brings the ones before back"
}
try_rules() {
  trap : HUP INT TERM # not ignored: the watchdog would inherit that
  open_trial
  before=$trial_id
  begin_trial "$seconds" || { rm -rf "$trial"; error "$state: cannot be written to"; }
  watchdog "$trial_id" || {
    withdraw_trial "$before"
    error 'nothing was changed' 'without --confirm the rules are kept at once'
  }
  trap '' HUP INT TERM
  if ! put_in_force "$trial/script"; then
    withdraw_trial "$before"
    if open_trial; then base=$trial/script; else base=$state/confirmed; fi
    put_in_force "$base" || error 'the rules before do not come back either'
    error 'the new rules were refused; the ones before are in force'
  fi
  if [ -n "$before" ]; then rm -rf "$state/trial-$before"; fi
  set_deadline "$seconds" && note_connections ||
    error "$state: cannot be written to; the rules before come back at $(fact until)"
}
say_applied() {
  text="rule set $(digest_of "$taken")"
  if [ "$1" = true ]; then text="$text is in force"
  elif [ $in_sync = true ]; then text="$text is in force: nothing to change"
  else text="$text would be put in force (dry run)"; fi
  if open_trial && [ "$dry" = no ]; then text="$text, on trial until $(fact until)"; fi
  answer "$text" "{\"changed\": $1, \"in_sync\": $in_sync, \"confirm\": $(waiting)}"
}

confirm_trial() {
  lock
  if [ "$dry" = no ] && open_trial && trial_over; then back expired || exit 1; fi
  if ! open_trial || trial_over; then confirmed_before; return; fi
  refuse_unfinished
  [ "$force" = yes ] || refuse_old
  applied=$(fact applied)
  if [ "$dry" = yes ]; then
    answer "the rules that were applied at $applied would be kept (dry run)" \
      "{\"changed\": false, \"applied\": \"$applied\", \"confirmed\": null}"
    return
  fi
  trap '' HUP INT TERM
  if ! cmp -s "$trial/script" "$state/confirmed"; then
    { if [ -e "$state/confirmed" ]; then copy "$state/confirmed" "$state/previous"; else : | put "$state/previous"; fi; } &&
      copy "$trial/script" "$state/confirmed" || error "$state: cannot be written to"
  fi
  end_trial confirmed
  answer "kept: the rules that were applied at $applied" \
    "{\"changed\": true, \"applied\": \"$applied\", \"confirmed\": \"$(now)\"}"
}
confirmed_before() {
  [ -r "$state/ended" ] && read -r how applied at secs <"$state/ended" ||
    error 'nothing waits to be confirmed' 'apply SCRIPT --confirm SECONDS begins a trial'
  retry='apply SCRIPT --confirm SECONDS tries them again'
  case $how in
    confirmed)
      answer "confirmed already at $at: nothing to do" \
        "{\"changed\": false, \"applied\": \"$applied\", \"confirmed\": \"$at\"}"
      ;;
    expired) error "too late: the rules that were applied at $applied were not confirmed within $secs seconds" "$retry" ;;
    given-up) error "too late: the rules that were applied at $applied were given up by a rollback at $at" "$retry" ;;
    *) error "too late: the rules that were applied at $applied were removed at $at" "$retry" ;;
  esac
}

roll_back() {
  lock
  if open_trial; then
    if [ "$dry" = no ]; then trap '' HUP INT TERM; back given-up || exit 1; fi
    say_done 'the trial is given up: the confirmed rules are back'
  elif [ ! -e "$state/previous" ]; then
    say_nothing
  else
    if [ "$dry" = no ]; then
      trap '' HUP INT TERM
      if ! put_in_force "$state/previous"; then
        put_in_force "$state/confirmed" || error 'neither the rules before nor the last ones come back'
        error 'the rules before were refused; the last ones are in force'
      fi
      copy "$state/previous" "$state/confirmed" && rm -f "$state/previous" || error "$state: cannot be written to"
    fi
    say_done 'the rules before are back'
  fi
}
say_nothing() { answer 'nothing to do' '{"changed": false, "in_sync": true}'; }
say_done() {
  if [ "$dry" = yes ]; then answer "$1 (dry run: nothing was changed)" '{"changed": false, "in_sync": false}'
  else answer "$1" '{"changed": true, "in_sync": false}'; fi
}

restore_rules() {
  lock
  changed=false
  if open_trial && ! trial_over; then
    answer "rules are on trial until $(fact until): nothing was changed" \
      "{\"changed\": false, \"in_sync\": true, \"confirm\": $(waiting)}"
    return
  fi
  trap '' HUP INT TERM
  if [ "$dry" = no ] && open_trial; then settle; changed=true; fi
  [ -e "$state/confirmed" ] || error 'no rules were ever confirmed here: there is nothing to put in force' \
    'apply SCRIPT puts those of a script in force'
  in_force "$state/confirmed"
  case $? in
    0) ;;
    3) if [ "$dry" = no ]; then put_in_force "$state/confirmed" || exit 1; fi; changed=true ;;
    *)
      # They were in force, as far as anybody knows; but before that a gateway is rather closed than open.
      if remembered "$state/confirmed" || [ "$dry" = yes ]; then error 'it cannot be told which rules are there'; fi
      put_in_force "$state/confirmed" || exit 1
      changed=true
      ;;
  esac
  if [ $changed = false ]; then
    answer 'the confirmed rules are in force: nothing to change' '{"changed": false, "in_sync": true, "confirm": null}'
  elif [ "$dry" = yes ]; then
    answer 'the confirmed rules would be put in force (dry run)' '{"changed": false, "in_sync": false, "confirm": null}'
  else answer 'the confirmed rules are in force' '{"changed": true, "in_sync": false, "confirm": null}'; fi
}

remove_rules() {
  lock
  if [ ! -s "$state/verbs" ]; then say_nothing; return; fi
  shown=$(sh "$state/verbs" show) || error 'nothing was changed: it cannot be told which rules are there'
  if [ -z "$shown" ] && [ ! -s "$state/confirmed" ] && ! open_trial; then say_nothing; return; fi
  if [ "$dry" = no ]; then
    trap '' HUP INT TERM
    sh "$state/verbs" remove || exit 1
    rm -f "$state/seen"
    if open_trial; then end_trial removed; fi
    if [ -s "$state/confirmed" ]; then copy "$state/confirmed" "$state/previous"; fi && : | put "$state/confirmed" ||
      error "$state: cannot be written to; the rules are gone, but the next restore brings them back"
  fi
  say_done 'no rule of harden is left'
}

say_status() {
  lock
  if open_trial && ! trial_over; then current=$trial/script; else current=$state/confirmed; fi
  digest=$(digest_of "$current")
  if [ -n "$digest" ]; then text="rule set $digest" digest="\"$digest\""; else text='no rules' digest=null; fi
  in_force "$current"
  case $? in
    0) in_sync=true text="in force: $text" ;;
    3) in_sync=false text="NOT in force: $text" ;;
    *) error 'it cannot be told which rules are there' ;;
  esac
  waits=null
  if [ "$current" != "$state/confirmed" ]; then text="$text, on trial until $(fact until)" waits=$(waiting); fi
  answer "$text" "{\"in_sync\": $in_sync, \"digest\": $digest, \"confirm\": $waits}"
  [ $in_sync = true ] || exit 3
}

# --- the command line

verb=${1-}
case $verb in
  '') usage 'say what to do' ;;
  -h | --help | help) printf '%s\n' "$USAGE"; exit 0 ;;
  apply | confirm | expire | remove | restore | rollback | status) shift ;;
  *) usage "unknown verb: $verb" ;;
esac
root=${HARDEN_STATE:-/var/lib/harden} json=no dry=no force=no seconds='' operand=''
while [ $# -gt 0 ]; do
  case $verb:$1 in
    *:--json) json=yes ;;
    status:--dry-run | expire:--dry-run) usage "$verb changes nothing" ;;
    *:--dry-run) dry=yes ;;
    confirm:--force) force=yes ;;
    *:--state) root=${2-}; [ $# -gt 1 ] && shift ;;
    *:--state=*) root=${1#--state=} ;;
    apply:--confirm) seconds=${2-none}; [ $# -gt 1 ] && shift ;;
    apply:--confirm=*) seconds=${1#--confirm=} ;;
    *:-?*) usage "$verb has no option $1" ;;
    apply:* | expire:*) [ -z "$operand" ] || usage "$verb takes one argument"; operand=$1 ;;
    *) usage "$verb takes no argument" ;;
  esac
  shift
done
case $root in '') usage '--state names no folder' ;; /*) ;; *) root=$PWD/$root ;; esac
case $seconds in '') ;; *[!0-9]* | 0* | ??????*) usage '--confirm takes 1 to 86400 seconds' ;; esac
[ "${seconds:-1}" -le 86400 ] || usage '--confirm takes 1 to 86400 seconds'
case $verb:$operand in apply: | expire:) usage "$verb: which?" ;; expire:*[!0-9a-f]*) usage 'no such trial' ;; esac
[ "$(id -u)" = 0 ] || error 'rules are for root to change' 'run it as root'
command -v flock >/dev/null 2>&1 || error 'flock is missing' 'install util-linux, or a busybox that has it'
state=$root/wg-keeper
make_state

case $verb in
  apply) apply_script "$operand" ;;
  confirm) confirm_trial ;;
  expire) expire "$operand" ;;
  remove) remove_rules ;;
  restore) restore_rules ;;
  rollback) roll_back ;;
  status) say_status ;;
esac
