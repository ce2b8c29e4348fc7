"""Rule sets put together by hand, as small as a gateway's can be and as large as wanted."""

from wgfw.ruleset import TABLES, Chain, FamilyRules, Hook, Rule, RuleSet

NETS = {4: "10.0.{}.{}/32", 6: "fd00::{:x}:{:x}/128"}


def family_rules(family: int, ports: tuple[int, ...], interfaces: tuple[str, ...] = ("wg0",)) -> FamilyRules:
    """One chain for each port, behind a root; a guard in the other tables; hooks in FORWARD and INPUT."""
    clients = [
        Chain(
            "mangle",
            f"HARDEN-WG-C{number}",
            (
                Rule(("-s", NETS[family].format(number >> 8, number & 255), "-p", "tcp", "--dport", str(port)), MARK),
                Rule(("-p", "udp", "--dport", str(port)), MARK),
            ),
        )
        for number, port in enumerate(ports)
    ]
    root = Chain("mangle", "HARDEN-WG-ROOT", tuple(Rule((), ("-j", chain.name)) for chain in clients))
    drop = Rule(("-m", "mark", "--mark", "0x1/0x1"), ("-j", "DROP"))
    guards = [Chain(table, "HARDEN-WG-ROOT", (drop,)) for table in ("filter", "security")]
    hooks = [
        Hook(table, builtin, Rule(("-i", interface), ("-j", "HARDEN-WG-ROOT")))
        for table in TABLES
        for builtin in ("INPUT", "FORWARD")
        for interface in interfaces
    ]
    return FamilyRules(family, (*clients, root, *guards), tuple(hooks))


def rule_set(*ports: int, interfaces: tuple[str, ...] = ("wg0",)) -> RuleSet:
    """Both families; rule sets of other ports differ in one chain a port."""
    return RuleSet(family_rules(4, ports, interfaces), family_rules(6, ports, interfaces))


MARK = ("-j", "MARK", "--set-xmark", "0x1/0x1")
NOTHING = RuleSet(FamilyRules(4, (), ()), FamilyRules(6, (), ()))
