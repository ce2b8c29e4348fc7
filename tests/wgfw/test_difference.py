"""What has to be written: enough, no more, and never anything of others."""

from hypothesis import given
from hypothesis import strategies as st

from tests.wgfw.fake_kernel import FakeKernel
from tests.wgfw.made_rules import family_rules
from wgfw.kernel.difference import Difference, WantedRules, WantedText, compare, restore_text
from wgfw.kernel.reading import KernelFamily, is_ours, parse_counters, parse_save, tag_of
from wgfw.ruleset import FamilyRules

PORTS = st.lists(st.integers(1, 5), max_size=5).map(tuple)
INTERFACES = st.sampled_from([("wg0",), ("wg0", "wg1"), ("wg1", "wg0")])
RULES = st.one_of(st.just(FamilyRules(4, (), ())), st.builds(family_rules, st.just(4), PORTS, INTERFACES))
FOREIGN = st.lists(
    st.tuples(
        st.sampled_from(["mangle", "filter", "security"]),
        st.sampled_from(["INPUT", "FORWARD", "DOCKER"]),
        st.sampled_from(["-j ACCEPT", "-s 1.2.3.4/32 -j DROP", '-m comment --comment "-j HARDEN-WG-ROOT"', ""]),
    ),
    max_size=5,
)


def bring(kernel: FakeKernel, rules: FamilyRules, recorded: KernelFamily | None = None) -> Difference:
    """Write what differs; the difference that was."""
    difference = compare(WantedRules(rules), kernel.read(rules.family), recorded)
    if difference:
        kernel.write({rules.family: restore_text(difference)})
    return difference


@given(old=RULES, new=RULES, foreign=FOREIGN)
def test_one_write_is_enough_and_leaves_others_alone(
    old: FamilyRules, new: FamilyRules, foreign: list[tuple[str, str, str]]
) -> None:
    """From any rules of ours to any others, beside any rules of others."""
    kernel = FakeKernel()
    for table, chain, rule in foreign:
        kernel.chain(4, table, chain).append(rule)
    before = kernel.foreign(4)
    bring(kernel, old)
    bring(kernel, new)
    assert not compare(WantedRules(new), kernel.read(4))
    assert kernel.foreign(4) == before


@given(old=RULES, new=RULES)
def test_what_is_put_back_is_what_was(old: FamilyRules, new: FamilyRules) -> None:
    """A saved state of the kernel is reached again to the letter."""
    kernel = FakeKernel()
    bring(kernel, old)
    before = kernel.read(4)
    bring(kernel, new)
    back = compare(WantedText(before, positions=True), kernel.read(4))
    if back:
        kernel.write({4: restore_text(back)})
    assert dict(kernel.read(4).our_chains()) == dict(before.our_chains())
    assert dict(kernel.read(4).our_rules_elsewhere()) == dict(before.our_rules_elsewhere())


def test_only_the_changed_chain_is_written() -> None:
    """Chains that stay do not occur in the text, so that their counters go on."""
    kernel = FakeKernel()
    bring(kernel, family_rules(4, (1, 2, 3)))
    difference = bring(kernel, family_rules(4, (1, 9, 3)))
    assert [change.place for change in difference.chains] == [("mangle", "HARDEN-WG-C1")]
    assert "HARDEN-WG-C0" not in kernel.written[-1][1]
    assert "FORWARD" not in kernel.written[-1][1]


def test_a_chain_that_goes_is_emptied_before_and_deleted_after_what_refers_to_it() -> None:
    """The root refers to the chain that goes until it has been refilled in the same transaction."""
    kernel = FakeKernel()
    bring(kernel, family_rules(4, (1, 2)))
    bring(kernel, family_rules(4, (1,)))
    lines = kernel.written[-1][1].splitlines()
    assert lines.index(":HARDEN-WG-C1 - [0:0]") < lines.index("-A HARDEN-WG-ROOT -j HARDEN-WG-C0")
    assert lines.index("-A HARDEN-WG-ROOT -j HARDEN-WG-C0") < lines.index("-X HARDEN-WG-C1")


def test_an_update_guards_first_and_a_removal_stops_guarding_first() -> None:
    """security, mangle, filter when something is wanted; security, filter, mangle when nothing is."""
    kernel = FakeKernel()
    bring(kernel, family_rules(4, (1,)))
    bring(kernel, FamilyRules(4, (), ()))
    written, removed = ([line for line in text.splitlines() if line.startswith("*")] for _, text in kernel.written)
    assert written == ["*security", "*mangle", "*filter"]
    assert removed == ["*security", "*filter", "*mangle"]


def test_a_changed_rule_under_an_unchanged_marker_is_found_where_the_kernels_text_is_known() -> None:
    """Somebody's `iptables-save | sed | iptables-restore` keeps our tag."""
    kernel = FakeKernel()
    rules = family_rules(4, (443,))
    bring(kernel, rules)
    recorded = kernel.read(4)
    kernel.chain(4, "mangle", "HARDEN-WG-C0")[1] = kernel.chain(4, "mangle", "HARDEN-WG-C0")[1].replace("443", "444")
    assert not compare(WantedRules(rules), kernel.read(4))
    found = compare(WantedRules(rules), kernel.read(4), recorded)
    assert [(change.place, change.why) for change in found.chains] == [(("mangle", "HARDEN-WG-C0"), "differs")]


def test_the_recorded_text_of_other_rules_decides_nothing() -> None:
    """What was recorded for the chain's last contents says nothing about the new ones."""
    kernel = FakeKernel()
    bring(kernel, family_rules(4, (443,)))
    recorded = kernel.read(4)
    bring(kernel, family_rules(4, (80,)), recorded)
    assert not compare(WantedRules(family_rules(4, (80,))), kernel.read(4), recorded)


def test_a_missing_or_additional_rule_is_found_without_any_record() -> None:
    """The marker is there, but the number of rules is not right."""
    for tamper in (list.pop, lambda rules: rules.append("-j ACCEPT")):
        kernel = FakeKernel()
        bring(kernel, family_rules(4, (443,)))
        tamper(kernel.chain(4, "mangle", "HARDEN-WG-C0"))
        assert [c.place[1] for c in bring(kernel, family_rules(4, (443,))).chains] == ["HARDEN-WG-C0"]


def test_hooks_are_put_first_in_their_order_whatever_happened_to_them() -> None:
    """Missing, doubled, moved below another's rule, swapped, or strayed into somebody's chain."""
    rules = family_rules(4, (1,), ("wg0", "wg1"))
    hooks = ["-i wg0 -j HARDEN-WG-ROOT", "-i wg1 -j HARDEN-WG-ROOT"]
    other = "-s 1.2.3.4/32 -j ACCEPT"
    cases = {
        "our rules are missing": [other],
        "our rules stand there more than once": [*hooks, *hooks, other],
        "our rules are not the first": [other, *hooks],
        "our rules differ": [hooks[0].replace("wg0", "wg9"), hooks[1], other],
    }
    for why, present in cases.items():
        kernel = FakeKernel()
        bring(kernel, rules)
        kernel.chain(4, "filter", "FORWARD")[:] = present
        difference = bring(kernel, rules)
        assert [(change.place, change.why) for change in difference.hooks] == [(("filter", "FORWARD"), why)]
        assert kernel.chain(4, "filter", "FORWARD") == [*hooks, other]


def test_a_jump_to_us_from_somebodys_chain_is_taken_out() -> None:
    """It would keep our chains from ever being deleted."""
    kernel = FakeKernel()
    bring(kernel, family_rules(4, (1,)))
    kernel.chain(4, "filter", "DOCKER-USER")[:] = ["-j RETURN", "-j HARDEN-WG-ROOT"]
    bring(kernel, family_rules(4, (1,)))
    assert kernel.chain(4, "filter", "DOCKER-USER") == ["-j RETURN"]


def test_only_a_jump_makes_a_rule_ours() -> None:
    """A comment that speaks of our chains is somebody else's."""
    assert is_ours("-A FORWARD -i wg0 -j HARDEN-WG-X")
    assert is_ours('-A FORWARD -m comment --comment "a b" -g HARDEN-WG-X')
    assert not is_ours('-A FORWARD -m comment --comment "-j HARDEN-WG-X" -j ACCEPT')
    assert not is_ours('-A FORWARD -m comment --comment "see HARDEN-WG-X" -j ACCEPT')
    assert not is_ours("-A FORWARD -j ACCEPT")


def test_a_save_is_read_with_its_policies_its_version_and_what_iptables_cannot_show() -> None:
    """Both backends' words for it."""
    text = (
        "# Generated by iptables-nft-save v1.8.9 (nf_tables) on Mon Nov 24 07:01:29 2026\n"
        "*filter\n:INPUT DROP [3:180]\n:FORWARD ACCEPT [0:0]\n:DOCKER - [0:0]\n"
        "-A FORWARD\n-A DOCKER -j RETURN\nCOMMIT\n# Completed on Mon Nov 24 07:01:29 2026\n"
        "# Table `nat' is incompatible, use 'nft' tool.\n"
    )
    seen = parse_save(4, text)
    assert seen.version == "1.8.9"
    assert seen.incompatible == {"nat"}
    assert seen.tables["filter"].policies == {"INPUT": "DROP", "FORWARD": "ACCEPT"}
    assert seen.chain(("filter", "FORWARD")) == ("-A FORWARD",)
    assert seen.foreign_rules == 5  # a policy, a chain, two rules and a table
    assert not seen.holds_ours


def test_counters_come_with_the_rule_they_belong_to() -> None:
    """In the order of the chain."""
    text = (
        "*mangle\n:HARDEN-WG-A - [0:0]\n[5:300] -A HARDEN-WG-A -s 10.0.0.1/32 -j DROP\n[0:0] -A HARDEN-WG-A\nCOMMIT\n"
    )
    (first, second) = parse_counters(text)["mangle", "HARDEN-WG-A"]
    assert (first.packets, first.bytes) == (5, 300)
    assert first.line == "-A HARDEN-WG-A -s 10.0.0.1/32 -j DROP"
    assert (second.packets, second.line) == (0, "-A HARDEN-WG-A")


def test_the_tag_is_read_from_the_first_rule_only() -> None:
    """With or without the quotes that some versions print."""
    marker = "-A X -s 0.0.0.0/32 -m comment --comment {}"
    assert tag_of((marker.format('"harden:0123456789abcdef"'),)) == "harden:0123456789abcdef"
    assert tag_of((marker.format("harden:0123456789abcdef"),)) == "harden:0123456789abcdef"
    assert tag_of(("-A X -j DROP", marker.format("harden:0123456789abcdef"))) is None
    assert tag_of(()) is None
