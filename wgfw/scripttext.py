"""The shell text of :mod:`wgfw.script`: what is in it is between ``@`` signs, and ``${`` and ``%{`` are not."""

HEAD = r"""#!/bin/sh
# Deny-by-default rules for @INTERFACES@ (rule set @DIGEST@), made by `harden wg render --format script`.
# Safe to run again. Changes nothing but its own chains (@PREFIX@*) and its own jumps, which it puts first.
# If anything fails, traffic of these interfaces is dropped until a run succeeds, and the exit status is 1.
# Call it from PreUp, so that the interface never comes up open:  PreUp = /path/to/this/script
#   this-script          puts the rules in force
#   this-script check    changes nothing; exit 0: just these rules are in force, 3: they are not, 1: cannot tell
#   this-script remove   takes out every rule of harden's and nothing else
#   this-script show     prints harden's rules as the kernel words them
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
interfaces='@INTERFACES@'
tool4=
tool6=
names4=/proc/net/ip_tables_names
names6=/proc/net/ip6_tables_names
has6=no
if [ -e /proc/net/if_inet6 ]; then has6=yes; fi

say() { printf 'harden: %s\n' "$1" >&2; }
die() { say "error: $1"; exit 1; }

verb=apply
if [ $# -gt 0 ]; then verb=$1; fi
case "$# $verb" in
  '0 apply' | '1 check' | '1 remove' | '1 show') ;;
  *)
    say 'error: this script takes no argument, or one of: check, remove, show'
    exit 2
    ;;
esac

# The backend is the one that holds our rules already, or else the first that works here.
usable() {
  command -v "$1-save" >/dev/null 2>&1 && command -v "$1-restore" >/dev/null 2>&1 || return 1
  "$1" -w 30 -t mangle -S FORWARD >/dev/null 2>&1
}
# 0: our rules are there; 1: they are not; 2: it does not say.
ours_in() {
  usable "$1" || return 1
  there=$("$1-save" -t mangle 2>/dev/null) || return 2
  case $there in *:@PREFIX@*) return 0 ;; esac
  return 1
}
# Asking legacy would make its tables, so it is asked only where they are.
has_table() {
  case $1 in *-nft) return 0 ;; esac
  case $1 in *-legacy) ;; *) case $("$1" -V 2>/dev/null) in *nf_tables*) return 0 ;; esac ;; esac
  [ -r "$2" ] || return 1
  while read -r table; do if [ "$table" = "$3" ]; then return 0; fi; done <"$2"
  return 1
}
# The programs for one family, those of one backend each. The plain one is one of them, where they are.
programs() {
  if command -v "$1-nft" >/dev/null 2>&1; then printf '%s-legacy %s-nft' "$1" "$1"; else printf '%s' "$1"; fi
}
# Prints the program that shows rules of ours. 1: none does; 2: one does not say.
holder() {
  for tool in $(programs "$1"); do
    has_table "$tool" "$2" mangle || continue
    ours_in "$tool"
    case $? in 0) printf '%s' "$tool"; return 0 ;; 2) return 2 ;; esac
  done
  return 1
}
choose() {
  holder "$1" "$2"
  case $? in 0) return 0 ;; 2) return 1 ;; esac
  for tool in "$1" "$1-nft" "$1-legacy"; do if usable "$tool"; then printf '%s' "$tool"; return 0; fi; done
  return 1
}
find_tools() {
  [ -n "$tool4" ] || tool4=$(choose iptables "$names4") || tool4=
  if [ "$has6" = yes ] && [ -z "$tool6" ]; then tool6=$(choose ip6tables "$names6") || tool6=; fi
}

# Drops everything of these interfaces in one family, by one commit of one table.
close_family() {
  [ -n "$1" ] || return 1
  {
    printf '*mangle\n:@PREFIX@CLOSED - [0:0]\n-A @PREFIX@CLOSED -j DROP\n'
    "$1-save" -t mangle 2>/dev/null | sed -n '/ -j @PREFIX@CLOSED$/s/^-A /-D /p' 2>/dev/null
    for interface in $interfaces; do
      printf -- '-I FORWARD -i %s -j @PREFIX@CLOSED\n-I FORWARD -o %s -j @PREFIX@CLOSED\n' "$interface" "$interface"
      printf -- '-I INPUT -i %s -j @PREFIX@CLOSED\n' "$interface"
    done
    printf 'COMMIT\n'
  } | "$1-restore" -w 30 --noflush
}
is_there() {
  [ -r /proc/net/dev ] || return 0
  while read -r name _; do case $name in "$1":*) return 0 ;; esac; done </proc/net/dev
  return 1
}
close_gateway() {
  find_tools
  closed=yes
  close_family "$tool4" || closed=no
  if [ "$has6" = yes ]; then close_family "$tool6" || closed=no; fi
  if [ "$closed" = yes ]; then say 'error: all traffic of the interfaces is dropped now'; return; fi
  say 'error: cannot drop by rules; taking the interfaces down'
  for interface in $interfaces; do
    is_there "$interface" || continue
    if ip link set dev "$interface" down; then
      say "hint: restart it when this script runs well again: wg-quick down $interface; wg-quick up $interface"
    else
      say "error: $interface may be OPEN: take it down by hand"
    fi
  done
}

fail() {
  trap '' HUP INT TERM
  say "error: $1"
  close_gateway
  exit 1
}

# What stands in a table: refused where iptables cannot show all of it. Only a failure is worth its words, not that
# there are tables of the other backend.
saved_table() {
  saved=$("$1-save" -t "$2" 2>/dev/null) || { "$1-save" -t "$2" >/dev/null; return 1; }
  case $saved in
    '') return 0 ;;
    '# Table '* | *'
# Table '*) return 1 ;;
    *'
COMMIT'*) return 0 ;;
  esac
  return 1
}
# The rules that lead into our chains, as what deletes them.
old_jumps() {
  printf '%s\n' "$1" | sed -n -e '/^-A @PREFIX@/d' -e '/ -[jg] @PREFIX@[A-Za-z0-9-]*$/s/^-A /-D /p'
}
chain_names() { sed -n 's/^:\(@PREFIX@[A-Za-z0-9-]*\) .*/\1/p'; }
# Empties and deletes our chains that are not wanted any more; a name that is twice in the list stays.
stale_chains() {
  there=$(printf '%s\n' "$1" | chain_names) || return 1
  listed=$(printf '%s\n' "$2" "$2" "$there" | sort) || return 1
  stale=$(printf '%s\n' "$listed" | uniq -u) || return 1
  for chain in $stale; do printf -- '-F %s\n' "$chain"; done
  for chain in $stale; do printf -- '-X %s\n' "$chain"; done
}
# What is given to the kernel for one table: $1 the program, $2 the table, $3 4 or 6.
new_table() {
  saved_table "$1" "$2" || return 1
  wanted=$("chains_$2$3" | chain_names) || return 1
  "chains_$2$3"
  old_jumps "$saved" || return 1
  "rules_$2$3"
  stale_chains "$saved" "$wanted" || return 1
  printf 'COMMIT\n'
}
"""

TABLE = r"""
chains_@TABLE@@FAMILY@() { printf '%s\n' '@DECLARED@'; }
rules_@TABLE@@FAMILY@() {
  printf '%s\n' '@RULES@'
}
"""

TAIL = r"""
stop=die
if [ "$verb" = apply ]; then stop=fail; fi
trap '$stop interrupted' HUP INT TERM
for needed in sed sort uniq; do
  command -v "$needed" >/dev/null 2>&1 || $stop "$needed is missing"
done
# Two runs at once would delete each other's jumps. The kernel lets go of this lock when the shell ends.
if command -v flock >/dev/null 2>&1 && (: >>/run/harden-wg.lock) 2>/dev/null; then
  exec 9>>/run/harden-wg.lock
  waited=0
  until flock -n 9; do # a busybox knows no -w
    waited=$((waited + 1))
    if [ $waited -gt 300 ]; then say 'warning: another run takes long; not waiting for it any more'; break; fi
    sleep 0.2 2>/dev/null || sleep 1
  done
fi
case $verb in check) check_rules ;; remove) remove_rules ;; show) show_rules ;; esac
find_tools
[ -n "$tool4" ] || fail 'no usable iptables here: install the package iptables, and run this as root'
[ "$has6" = no ] || [ -n "$tool6" ] || fail 'IPv6 is on, but there is no usable ip6tables here'

# The whole text is made before any of it is given to the kernel; each family is one call, each table atomic.
rules4=$(@CALLS4@) || fail 'cannot read the IPv4 rules that are there'
if [ "$has6" = yes ]; then
  rules6=$(@CALLS6@) || fail 'cannot read the IPv6 rules that are there'
fi
printf '%s\n' "$rules4" | "$tool4-restore" -w 30 --noflush || fail 'the kernel refused the IPv4 rules'
if [ "$has6" = yes ]; then
  printf '%s\n' "$rules6" | "$tool6-restore" -w 30 --noflush || fail 'the kernel refused the IPv6 rules'
fi
say 'the rules for @INTERFACES@ are in force'
"""
