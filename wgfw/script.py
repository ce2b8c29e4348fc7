"""Rules as one POSIX shell script, for gateways without Python: a ConfigMap, a Terraform variable, a `PostUp`.

Only what we made ourselves gets into the text (numbers, addresses, checked interface names, our chain names),
and neither ``${`` nor ``%{`` occurs in it, which Terraform would take as its own.
"""

from collections.abc import Iterator

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
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
interfaces='@INTERFACES@'

say() { printf 'harden: %s\n' "$1" >&2; }

# The backend is the one that holds our rules already, or else the first that works here.
usable() { "$1" -w 30 -t mangle -S FORWARD >/dev/null 2>&1 && command -v "$1-restore" >/dev/null 2>&1; }
ours_in() { usable "$1" && "$1-save" -t mangle 2>/dev/null | grep -q '^:@PREFIX@'; }
choose() {
  # Asking legacy would make its tables, so it is asked only where they are.
  if grep -q '^mangle$' "$2" 2>/dev/null && ours_in "$1-legacy"; then printf '%s' "$1-legacy"; return 0; fi
  if ours_in "$1-nft"; then printf '%s' "$1-nft"; return 0; fi
  for tool in "$1" "$1-nft" "$1-legacy"; do if usable "$tool"; then printf '%s' "$tool"; return 0; fi; done
  return 1
}

# Drops everything of these interfaces in one family, with one table's commit.
close_family() {
  [ -n "$1" ] || return 1
  {
    printf '*mangle\n:@PREFIX@CLOSED - [0:0]\n-A @PREFIX@CLOSED -j DROP\n'
    for interface in $interfaces; do
      printf -- '-I FORWARD -i %s -j @PREFIX@CLOSED\n-I FORWARD -o %s -j @PREFIX@CLOSED\n' "$interface" "$interface"
      printf -- '-I INPUT -i %s -j @PREFIX@CLOSED\n' "$interface"
    done
    printf 'COMMIT\n'
  } | "$1-restore" -w 30 --noflush
}

close_gateway() {
  closed=yes
  close_family "$tool4" || closed=no
  if [ "$has6" = yes ]; then close_family "$tool6" || closed=no; fi
  if [ "$closed" = yes ]; then say 'error: all traffic of the interfaces is dropped now'; return; fi
  say 'error: cannot drop by rules; taking the interfaces down'
  for interface in $interfaces; do
    [ -e "/sys/class/net/$interface" ] || continue
    ip link set dev "$interface" down || say "error: $interface may be OPEN: take it down by hand"
  done
}

fail() {
  trap '' HUP INT TERM
  say "error: $1"
  close_gateway
  exit 1
}

# What is ours in a table already: the jumps to delete and the chains that are not wanted any more.
old_jumps() {
  printf '%s\n' "$1" | grep -E '^-A [A-Z]+ (.* )?-[jg] @PREFIX@[A-Za-z0-9-]+$' | sed 's/^-A /-D /'
}
stale_chains() {
  printf '%s\n' "$1" | sed -n 's/^:\(@PREFIX@[A-Za-z0-9-]*\) .*/\1/p' | while read -r chain; do
    case " $2 " in *" $chain "*) ;; *) printf '%s\n' "$chain" ;; esac
  done
}
flush_and_delete() {
  printf '%s\n' "$1" | sed -n 's/..*/-F &/p'
  printf '%s\n' "$1" | sed -n 's/..*/-X &/p'
}
"""

TABLE = r"""
table_@TABLE@@FAMILY@() {
  saved=$("$1-save" -t @TABLE@ 2>/dev/null) || return 1
  wanted='@CHAINS@'
  cat <<'RULES'
@DECLARED@
RULES
  old_jumps "$saved"
  cat <<'RULES'
@RULES@
RULES
  flush_and_delete "$(stale_chains "$saved" "$wanted")"
  echo COMMIT
}
"""

TAIL = r"""
has6=no
if [ -e /proc/net/if_inet6 ]; then has6=yes; fi
tool4=$(choose iptables /proc/net/ip_tables_names) || tool4=
tool6=$(choose ip6tables /proc/net/ip6_tables_names) || tool6=
trap 'fail interrupted' HUP INT TERM
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
        "@CHAINS@": "\n".join(_wrapped([chain.name for chain in chains])),
        "@DECLARED@": "\n".join(declared),
        "@RULES@": "\n".join(lines[len(declared) :]),
    }
    text = TABLE
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _wrapped(names: list[str]) -> Iterator[str]:
    for start in range(0, len(names), 4):
        yield f" {' '.join(names[start : start + 4])} "
