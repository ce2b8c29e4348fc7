# What harden runs on a target, in the POSIX shell that is there. It is sent as it is and then reads its requests from
# standard input: a verb on a line, its arguments each on a line. Nothing of a request is ever part of a program.
# An answer is what is to be read, and after it a line that begins with the mark that the first line of input has set.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin${PATH:+:$PATH} LC_ALL=C
export PATH LC_ALL
umask 077
came=$1 stash=
IFS= read -r mark || exit 1

answer() { printf '\n%s %s\n' "$mark" "$*"; }
refuse() { printf '%s' "$*"; answer no; }
has() { command -v "$1" >/dev/null 2>&1; }
digest() { if has sha256sum; then sha256sum; else cksum; fi <"$1"; }

# Mode with the signs of an access list and a label, owner, group.
marks() { ls -ldn -- "$1" | { read -r mode links owner group rest && printf '%s %s %s\n' "$mode" "$owner" "$group"; }; }

names_of() { ls -ldn -- "$1" | { read -r mode links rest && echo "$links"; }; }

home_of() {
  entry=$(getent passwd "$1" 2>/dev/null) || entry=
  if [ -z "$entry" ]; then
    while IFS= read -r line; do case $line in "$1":*) entry=$line && break ;; esac; done </etc/passwd
  fi
  [ -n "$entry" ] || return 1
  entry=${entry%:*}
  printf '%s\n' "${entry##*:}"
}

# Goes to the folder of the file and stays there, so that it cannot be exchanged under our feet.
locate() {
  IFS= read -r user && IFS= read -r path || exit 1
  name=${path##*/}
  case $path in
  /*) folder=${path%/*} ;;
  *)
    home=$(home_of "$user") || { refuse "there is no user $user"; return; }
    said=$(cd -P -- "$home" 2>&1) || { refuse "$said"; return; }
    home=$(cd -P -- "$home" && pwd -P)
    folder=${home%/}/$path folder=${folder%/*}
    ;;
  esac
  said=$(cd -P -- "${folder:-/}" 2>&1) || { refuse "$said"; return; }
  cd -P -- "${folder:-/}" || exit 1
  here=$(pwd -P)
  [ "${here%/}" = "$folder" ] || { refuse "$folder is reached by way of a symbolic link: it is $here"; return; }
  answer ok "$folder/$name"
}

look() {
  [ ! -L "./$name" ] || { refuse "$folder/$name is a symbolic link"; return 1; }
  [ -e "./$name" ] || { refuse "there is no $folder/$name"; return 1; }
  [ -f "./$name" ] || { refuse "$folder/$name is no file"; return 1; }
  [ -r "./$name" ] || { refuse "$folder/$name: Permission denied"; return 1; }
}

fetch() {
  look || return 0
  before=$(digest "./$name")
  cat "./$name"
  if [ "$(digest "./$name")" = "$before" ]; then answer ok "$before"; else answer changed; fi
}

# Whether the file could be exchanged; nothing is.
able() {
  look || return 0
  [ -w . ] || { refuse "$folder: Permission denied"; return; }
  [ "$(names_of "./$name")" -eq 1 ] || { refuse "$folder/$name has another name (a hard link), which would keep the old key"; return; }
  said=$(marks "./$name") said=${said#* } said=${said%% *}
  case $(id -u) in
  0 | "$said") answer ok ;;
  *) refuse "$folder/$name: its owner, mode or access list could not be kept" ;;
  esac
}

# What is left of a folder of ours, from inside it: by its name somebody else might have put another in its place.
scrub() {
  ( cd -P -- "$1" 2>/dev/null && is_ours && rm -f ./new ./.lock )
  rmdir "$1" 2>/dev/null
}
# In a folder that hands its group down (setgid), ours does so too.
is_ours() { case "$(marks .)" in "drwx--"[-S]"---"*" $(id -u) "*) ;; *) return 1 ;; esac; }
leave() { [ -z "$stash" ] || scrub "$stash"; stash=; }

# In a folder of our own inside that of the file, where nobody else can put a link in the way.
exchange() (
  cd -P -- "$stash" && is_ours || { echo "another program is in the way"; exit 1; }
  cp -pP "../$name" new || exit 1
  [ -f new ] && [ ! -L new ] || { echo "it is no file any more"; exit 1; }
  if has chcon; then chcon --reference="../$name" new 2>/dev/null; fi
  dd bs=1 count="$size" 2>/dev/null | cat >new || exit 1
  [ "$(wc -c <new)" -eq "$size" ] || { echo "the new file did not arrive whole"; exit 1; }
  [ "$(marks new)" = "$(marks "../$name")" ] || { echo "its owner, mode or access list could not be kept"; exit 1; }
  sync ./new 2>/dev/null || sync
  [ "$(digest "../$name")" = "$expected" ] || exit 3
  mv -f new "../$name" || exit 1
  sync .. 2>/dev/null || sync
)

store() {
  IFS= read -r expected && IFS= read -r size || exit 1
  look || exit 1
  if has flock && [ -r . ]; then
    exec 9<.
    waited=0
    until flock -n 9; do # BusyBox has no -w
      [ "$waited" -lt 20 ] || { refuse "$folder is locked by another program"; exit 1; }
      waited=$((waited + 1))
      sleep 1
    done
  fi
  for stash in ./.harden.??????; do [ ! -d "$stash" ] || scrub "$stash"; done
  stash=$(mktemp -d ./.harden.XXXXXX 2>&1) || { said=$stash stash= && refuse "$said"; exit 1; }
  said=$(exchange 2>&1)
  status=$?
  leave
  exec 9<&-
  case $status in
  0) answer ok "$(digest "./$name")" ;;
  3) answer changed ;;
  *) refuse "$said" && exit 1 ;; # the rest of what was sent may still be unread
  esac
}

clock() { answer ok "$(date +%s) $(date +%z)"; }

# A time as sshd reads one without a zone.
wall() {
  IFS= read -r at || exit 1
  unset TZ
  said=$(date -d "@$at" +%Y%m%d%H%M%S 2>&1) && answer ok "$said" || refuse "$said"
}

journal() { journalctl -q --no-pager "$@" _UID=0 SYSLOG_IDENTIFIER=sshd + _UID=0 SYSLOG_IDENTIFIER=sshd-session 2>/dev/null; }
accepted() { grep -a 'sshd.*: Accepted ' | tail -n 20000; }

# What was written since then to logs that have been put away since, as logrotate calls and packs them.
rotated() {
  for old in "$source".[0-9]* "$source"-[0-9]*; do
    [ -f "$old" ] && [ "$(date -r "$old" +%s)" -ge "$since" ] || continue
    case $old in *.gz) gzip -dc <"$old" ;; *.xz) xz -dc <"$old" ;; *.zst) zstd -dc <"$old" ;; *) cat "$old" ;; esac
  done
  return 0
}

signins() {
  IFS= read -r source && IFS= read -r since || exit 1
  if [ "$source" = journal ]; then
    # Whoever may not read it is told that there is nothing in it.
    has journalctl && [ -n "$(journal -n 1)" ] || { refuse "the journal cannot be read"; return; }
    journal -o short-unix --since "@$since" | accepted
  else
    [ -f "$source" ] && [ -r "$source" ] || { refuse "$source cannot be read"; return; }
    { rotated && cat "$source"; } 2>/dev/null | accepted
  fi
  answer ok
}

parent_of() { while read -r key value; do [ "$key" = PPid: ] && echo "$value" && break; done <"/proc/$1/status"; }
children_of() {
  grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status 2>/dev/null | while IFS=/ read -r none proc pid rest; do echo "$pid"; done
}
is_session() {
  case " $ours " in *" $1 "*) return 1 ;; esac
  case $(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null) in
  "sshd: $user"[@\ ]* | "sshd-session: $user"[@\ ]*) ;;
  *) return 1 ;;
  esac
}
# The process that logged is root's; whoever cannot end that ends the user's own one below it.
end_one() { kill "-$2" "$1" 2>/dev/null || for child in $(children_of "$1"); do kill "-$2" "$child" 2>/dev/null; done; }
is_left() { for pid in $pids; do if is_session "$pid"; then return 0; fi; done; return 1; }

# Our own process and those above it.
find_ours() {
  ours= pid=$$
  while [ "${pid:-0}" -gt 1 ]; do ours="$ours $pid" pid=$(parent_of "$pid"); done
}

finish() {
  IFS= read -r user && IFS= read -r pids || exit 1
  [ -r /proc/self/status ] || { refuse "there is no /proc"; return; }
  count=0
  find_ours
  for pid in $pids; do if is_session "$pid"; then count=$((count + 1)) && end_one "$pid" TERM; fi; done
  tries=0
  while is_left && [ "$tries" -lt 10 ]; do
    tries=$((tries + 1))
    sleep 0.3 2>/dev/null || sleep 1
    if [ "$tries" -eq 5 ]; then for pid in $pids; do if is_session "$pid"; then end_one "$pid" KILL; fi; done; fi
  done
  if is_left; then refuse "$count sessions were told to end, and not all did"; else answer ok "$count"; fi
}

# Each of the user's sessions that is none of ours: its process and the one above it, either of which may have logged.
opened() {
  IFS= read -r user || exit 1
  [ -r /proc/self/status ] || { refuse "there is no /proc"; return; }
  find_ours
  found=
  for file in $(grep -laF -e "sshd: $user" -e "sshd-session: $user" /proc/[0-9]*/cmdline 2>/dev/null); do
    pid=${file#/proc/} pid=${pid%/*}
    is_session "$pid" || continue
    above=$(parent_of "$pid" 2>/dev/null)
    is_session "${above:-0}" || found="$found $pid/${above:-0}"
  done
  answer ok "${found# }"
}

trap leave EXIT
trap 'exit 1' HUP INT TERM PIPE
answer ready "$came"
while IFS= read -r verb; do
  case $verb in
  locate | fetch | able | store | clock | wall | signins | finish | opened) "$verb" ;;
  *) exit 1 ;;
  esac
done
