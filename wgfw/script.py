"""Rules as one POSIX shell script, for gateways without Python: a ConfigMap, a Terraform variable, a `PreUp`.

Only what we made ourselves gets into the text (numbers, addresses, checked interface names, our chain names),
and neither ``${`` nor ``%{`` occurs in it, which Terraform would take as its own.
"""

from collections.abc import Iterable

from wgfw.render import hook_lines, table_lines
from wgfw.ruleset import CHAIN_PREFIX, TABLES, FamilyRules, RuleSet

HEAD = r"""#!/bin/sh
# Deny-by-default rules for @INTERFACES@ (rule set @DIGEST@), made by `harden wg render --format script`.
# Safe to run again. Changes nothing but its own chains (@PREFIX@*) and its own jumps, which it puts first.
# If anything fails, traffic of these interfaces is dropped until a run succeeds, and the exit status is 1.
# Call it from PreUp, so that the interface never comes up open:  PreUp = /path/to/this/script
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
interfaces='@INTERFACES@'
tool4=
tool6=
has6=no
if [ -e /proc/net/if_inet6 ]; then has6=yes; fi

say() { printf 'harden: %s\n' "$1" >&2; }

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
has_mangle() {
  [ -r "$1" ] || return 1
  while read -r table; do if [ "$table" = mangle ]; then return 0; fi; done <"$1"
  return 1
}
choose() {
  for tool in "$1-legacy" "$1-nft"; do
    if [ "$tool" = "$1-legacy" ] && ! has_mangle "$2"; then continue; fi
    ours_in "$tool"
    case $? in 0) printf '%s' "$tool"; return 0 ;; 2) return 1 ;; esac
  done
  for tool in "$1" "$1-nft" "$1-legacy"; do if usable "$tool"; then printf '%s' "$tool"; return 0; fi; done
  return 1
}
find_tools() {
  [ -n "$tool4" ] || tool4=$(choose iptables /proc/net/ip_tables_names) || tool4=
  if [ "$has6" = yes ] && [ -z "$tool6" ]; then tool6=$(choose ip6tables /proc/net/ip6_tables_names) || tool6=; fi
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

# What stands in a table: refused where iptables cannot show all of it.
saved_table() {
  saved=$("$1-save" -t "$2") || return 1
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
# Empties and deletes our chains that are not wanted any more; a name that is twice in the list stays.
stale_chains() {
  there=$(printf '%s\n' "$1" | sed -n 's/^:\(@PREFIX@[A-Za-z0-9-]*\) .*/\1/p') || return 1
  listed=$(printf '%s\n' "$2" "$2" "$there" | sort) || return 1
  stale=$(printf '%s\n' "$listed" | uniq -u) || return 1
  for chain in $stale; do printf -- '-F %s\n' "$chain"; done
  for chain in $stale; do printf -- '-X %s\n' "$chain"; done
}
"""

TABLE = r"""
table_@TABLE@@FAMILY@() {
  saved_table "$1" @TABLE@ || return 1
  printf '%s\n' '@DECLARED@'
  old_jumps "$saved" || return 1
  printf '%s\n' '@RULES@'
  stale_chains "$saved" '@CHAINS@' || return 1
  printf 'COMMIT\n'
}
"""

TAIL = r"""
trap 'fail interrupted' HUP INT TERM
for needed in sed sort uniq; do
  command -v "$needed" >/dev/null 2>&1 || fail "$needed is missing"
done
# Two runs at once would delete each other's jumps. The kernel lets go of this lock when the shell ends.
if command -v flock >/dev/null 2>&1 && (: >>/run/harden-wg.lock) 2>/dev/null; then
  exec 9>>/run/harden-wg.lock
  flock -w 60 9 || say 'warning: another run takes long; not waiting for it any more'
fi
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


def script_text(rules: RuleSet, interfaces: tuple[str, ...]) -> str:
    """The script. ``interfaces`` are the managed ones, their names checked by the loader."""
    parts = [_filled(HEAD, interfaces, rules)]
    for family in (rules.v4, rules.v6):
        parts.extend(_table(family, table) for table in TABLES)
    parts.append(_filled(TAIL, interfaces, rules))
    return "".join(parts)


def _filled(text: str, interfaces: tuple[str, ...], rules: RuleSet) -> str:
    for family in (4, 6):
        calls = " && ".join(f'table_{table}{family} "$tool{family}"' for table in TABLES)
        text = text.replace(f"@CALLS{family}@", calls)
    return (
        text.replace("@INTERFACES@", " ".join(interfaces))
        .replace("@DIGEST@", rules.digest)
        .replace("@PREFIX@", CHAIN_PREFIX)
    )


def _table(rules: FamilyRules, table: str) -> str:
    chains = list(rules.of_table(table))
    hooks = hook_lines(hook for hook in rules.hooks if hook.table == table)
    lines = table_lines(rules.family, table, chains, hooks)[:-1]
    declared = lines[: 1 + len(chains)]
    filled = {
        "@TABLE@": table,
        "@FAMILY@": str(rules.family),
        "@CHAINS@": _quoted(chain.name for chain in chains),
        "@DECLARED@": _quoted(declared),
        "@RULES@": _quoted(lines[len(declared) :]),
    }
    text = TABLE
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _quoted(lines: Iterable[str]) -> str:
    """Lines for between single quotes: printf is part of every shell, where `cat` may be missing."""
    text = "\n".join(lines)
    if "'" in text:
        raise ValueError("a rule with a quote in it")
    return text
