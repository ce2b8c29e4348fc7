"""The kernel's own structures against the rules as data, without any text between: python-iptables as a witness."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.enforce import read_policy
from lab.generate import scenario
from lab.netns import Netns

from tests.wgfw.gateway_host import FAMILIES, Host
from tests.wgfw.made_rules import rule_set
from wgfw.compiler import compile_policy
from wgfw.kernel import legacy
from wgfw.kernel.legacy import altered, wanted_structure
from wgfw.ruleset import FamilyRules, Rule, RuleSet


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A gateway with legacy tables."""
    with Netns("hkern") as netns:
        monkeypatch.setenv("XTABLES_LOCKFILE", netns.lock)
        yield Host(netns, "legacy", tmp_path / "state")


def wrong(host: Host, rules: FamilyRules) -> frozenset[tuple[str, str]] | None:
    """The chains in which the kernel holds something else."""
    return altered(rules, [(chain.table, chain.name) for chain in rules.chains], host.netns.name)


@pytest.mark.parametrize("seed", range(5))
def test_every_compiled_rule_arrives_as_it_was_meant(host: Host, seed: int, tmp_path: Path) -> None:
    """Every match, every parameter, every target and the way it is entered: nothing is cut or reinterpreted."""
    rules = compile_policy(read_policy(scenario(seed), tmp_path))
    host.apply(rules)
    for family in FAMILIES:
        assert wrong(host, rules.family(family)) == frozenset()


@pytest.mark.parametrize(
    "replacement",
    [
        ["-p", "tcp", "-s", "10.0.0.1", "--dport", "82", "-j", "MARK", "--set-mark", "1"],
        ["-p", "tcp", "-s", "10.0.0.2", "--dport", "81", "-j", "MARK", "--set-xmark", "1/1"],
        ["-p", "udp", "-s", "10.0.0.1", "--dport", "81", "-j", "MARK", "--set-xmark", "1/1"],
        ["-p", "tcp", "!", "-s", "10.0.0.1", "--dport", "81", "-j", "MARK", "--set-xmark", "1/1"],
        ["-i", "wg0", "-p", "tcp", "-s", "10.0.0.1", "--dport", "81", "-j", "MARK", "--set-xmark", "1/1"],
        ["-p", "tcp", "-s", "10.0.0.1", "--dport", "81", "-j", "MARK", "--set-xmark", "1/3"],
        ["-p", "tcp", "-s", "10.0.0.1", "--dport", "81", "-j", "ACCEPT"],
        ["-p", "tcp", "-s", "10.0.0.1", "--dport", "81"],
    ],
)
def test_an_alteration_is_found_without_any_record(host: Host, replacement: list[str], tmp_path: Path) -> None:
    """The state was lost, the marker and the number of rules are right: plan finds it, and apply repairs it."""
    rules = with_explicit_matches(rule_set(80, 81))
    host.apply(rules)
    without_state = Host(host.netns, "legacy", tmp_path / "other")
    assert without_state.in_sync(rules)
    host.run(4, "-t", "mangle", "-R", "HARDEN-WG-C1", "2", *replacement)
    assert wrong(host, rules.v4) == {("mangle", "HARDEN-WG-C1")}
    assert not without_state.in_sync(rules)
    without_state.apply(rules)
    assert host.in_sync(rules)
    assert wrong(host, rules.v4) == frozenset()


def with_explicit_matches(rules: RuleSet) -> RuleSet:
    """The made rules in the compiler's way of writing, ``-m tcp`` before ``--dport``."""

    def explicit(rule: Rule) -> Rule:
        match = list(rule.match)
        if "--dport" in match:
            at = match.index("--dport")
            match[at:at] = ["-m", match[match.index("-p") + 1]]
        return Rule(tuple(match), rule.target)

    def family(rules: FamilyRules) -> FamilyRules:
        chains = tuple(
            type(chain)(chain.table, chain.name, tuple(map(explicit, chain.rules))) for chain in rules.chains
        )
        return FamilyRules(rules.family, chains, rules.hooks)

    return RuleSet(family(rules.v4), family(rules.v6))


def test_a_jump_and_a_goto_are_not_the_same(host: Host) -> None:
    """A goto does not come back to the rule after it."""
    rules = with_explicit_matches(rule_set(80))
    host.apply(rules)
    host.run(6, "-t", "mangle", "-R", "HARDEN-WG-ROOT", "2", "-g", "HARDEN-WG-C0")
    assert wrong(host, rules.v6) == {("mangle", "HARDEN-WG-ROOT")}


def test_looking_makes_no_table(host: Host) -> None:
    """Only chains that are there are asked for."""
    assert not host.reconciler().plan(rule_set(80)).in_sync
    assert host.saved() == {4: "", 6: ""}


def test_without_python_iptables_markers_and_counts_decide(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional: a host without a compiler runs harden all the same."""
    rules = with_explicit_matches(rule_set(80))
    host.apply(rules)
    monkeypatch.setitem(sys.modules, "iptc", None)
    assert wrong(host, rules.v4) is None
    assert Host(host.netns, "legacy", host.state / "other").in_sync(rules)


def test_more_rules_than_can_be_read_in_a_moment_are_not_looked_at(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan must not take seconds for what the markers tell nearly as well."""
    rules = with_explicit_matches(rule_set(80, 81))
    host.apply(rules)
    monkeypatch.setattr(legacy, "MOST_RULES", 5)
    assert wrong(host, rules.v4) is None


def test_equal_things_are_equal_however_they_are_written() -> None:
    """Our notation and what the kernel's structures show."""
    rule = Rule(("-p", "tcp", "-m", "tcp", "!", "--syn", "-s", "10.1.2.3/8", "-d", "0.0.0.0/0"), ("-g", "X"))
    same = Rule(("-s", "10.0.0.0/255.0.0.0", "-p", "tcp", "-m", "tcp", "!", "--syn"), ("-g", "X"))
    assert wanted_structure(rule) == wanted_structure(same)
    states = [Rule(("-m", "conntrack", "--ctstate", order), ("-j", "DROP")) for order in ("NEW,INVALID", "INVALID,NEW")]
    assert wanted_structure(states[0]) == wanted_structure(states[1])
    assert wanted_structure(rule) != wanted_structure(Rule(rule.match, ("-j", "X")))
    assert legacy.wanted_structure(Rule((), ("-j", "X"))).matches == ()
