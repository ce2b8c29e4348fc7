"""The shell text of :mod:`wgfw.script` for ``check``, ``show`` and ``remove``, written as :mod:`wgfw.scripttext` is."""

VERBS = r"""
# Every chain of ours with its tag and how many rules it has: of what iptables-save prints, or of what we write.
# The kernel words rules in its own way, so they are not compared as text.
chains_in() {
  sed -n -e '/^:@PREFIX@/s/^:\([^ ]*\) .*/\1 is there/p' \
    -e '/^-A @PREFIX@.* --comment "*harden:/s/^-A \([^ ]*\) .* --comment "*\(harden:[0-9a-f]*\).*/\1 \2/p' -e t \
    -e '/^-A @PREFIX@/s/^-A \([^ ]*\) .*/\1 rule/p' | sort | uniq -c
}
# Every rule that leads into our chains, and its place in the chain where it stands.
jumps_in() {
  sed -n -e '/^-A @PREFIX@/d' -e '/ -[jg] @PREFIX@[A-Za-z0-9-]*$/s/^-A /ours /p' -e t \
    -e 's/^-A \([^ ]*\) .*/theirs \1/p' | uniq | {
    chain=
    while read -r whose where rule; do
      if [ "$where" != "$chain" ]; then chain=$where; place=0; fi
      place=$((place + 1))
      if [ "$whose" = ours ]; then printf '%s %s %s\n' "$where" "$place" "$rule"; fi
    done
  } | sort
}
# Each is put before those that were put before it, so the last is the first.
wanted_jumps() { "rules_$1" | sed -n 's/^-I /-A /p' | sed -n -e '1!G' -e h -e '$p'; }
# Exit 0: this table of this family holds just our rules; 3: it does not; 1: it cannot be read.
check_table() {
  saved_table "$1" "$2" || return 1
  seen=$(printf '%s\n' "$saved" | chains_in) || return 1
  wanted=$({ "chains_$2$3"; "rules_$2$3"; } | chains_in) || return 1
  if [ "$seen" != "$wanted" ]; then say "IPv$3 $2: the chains differ"; return 3; fi
  seen=$(printf '%s\n' "$saved" | jumps_in) || return 1
  wanted=$(wanted_jumps "$2$3" | jumps_in) || return 1
  if [ "$seen" != "$wanted" ]; then say "IPv$3 $2: the jumps differ, or are not the first"; return 3; fi
}
check_family() {
  tool=$(holder "$1" "$2")
  case $? in
    1) say "IPv$3: none of these rules is there"; return 3 ;;
    2) return 1 ;;
  esac
  result=0
  for table in @TABLES@; do
    if has_table "$tool" "$2" "$table"; then check_table "$tool" "$table" "$3"
    else say "IPv$3 $table: none of these rules is there"; (exit 3); fi
    case $? in 0) ;; 3) result=3 ;; *) return 1 ;; esac
  done
  return $result
}
# All is looked at, whatever differs: that a table cannot be read is worth more.
check_rules() {
  check_family iptables "$names4" 4
  result4=$?
  result6=0
  if [ "$has6" = yes ]; then check_family ip6tables "$names6" 6; result6=$?; fi
  case $result4$result6 in
    00) exit 0 ;;
    *1*) die 'cannot read the rules that are there' ;;
    *) exit 3 ;;
  esac
}

show_family() {
  tool=$(holder "$1" "$2")
  case $? in 1) return 0 ;; 2) return 1 ;; esac
  for table in @TABLES@; do
    has_table "$tool" "$2" "$table" || continue
    saved_table "$tool" "$table" || return 1
    printf '# IPv%s %s\n' "$3" "$table"
    printf '%s\n' "$saved" | sed -n '/^-A @PREFIX@/p' || return 1
    printf '%s\n' "$saved" | jumps_in || return 1
  done
}
show_rules() {
  show_family iptables "$names4" 4 || die 'cannot read the IPv4 rules that are there'
  [ "$has6" = no ] || show_family ip6tables "$names6" 6 || die 'cannot read the IPv6 rules that are there'
  exit 0
}

# What takes our rules out of one program's tables; nothing where there is none of ours.
removal() {
  for table in @REMOVAL@; do
    has_table "$1" "$2" "$table" || continue
    saved_table "$1" "$table" || return 1
    gone=$(old_jumps "$saved" && stale_chains "$saved" '') || return 1
    [ -z "$gone" ] || printf '*%s\n%s\nCOMMIT\n' "$table" "$gone" || return 1
  done
}
remove_from() {
  usable_save "$1" || return 0
  text=$(removal "$1" "$2") || die "$1 cannot show the rules that are there; nothing of them was removed"
  [ -z "$text" ] || printf '%s\n' "$text" | "$1-restore" -w 30 --noflush || die "$1 removed nothing or not all"
}
usable_save() { command -v "$1-save" >/dev/null 2>&1 && command -v "$1-restore" >/dev/null 2>&1; }
remove_rules() {
  for tool in $(programs iptables); do remove_from "$tool" "$names4"; done
  if [ "$has6" = yes ]; then for tool in $(programs ip6tables); do remove_from "$tool" "$names6"; done; fi
  say 'no rule of harden is left'
  exit 0
}
"""
