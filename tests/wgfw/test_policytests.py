"""The tests that a policy carries in itself."""

import pytest

from harden.errors import HardenError
from tests.wgfw.handmade import NOW, Peer, build
from wgfw.directory import Directory
from wgfw.evaluate import Evaluator
from wgfw.explain import Explainer
from wgfw.policytests import Outcome, run_tests


def outcomes(*tests: tuple[str, str, str, str]) -> list[Outcome]:
    policy, document = build(
        {"anca": Peer(ips=["10.8.0.2/32"], allow=[("cluster", "https")], deny=[("10.32.0.9", "any")])},
        networks={"cluster": ["10.32.0.0/12"]},
        tests=tests,
    )
    return run_tests(Explainer(Evaluator(policy, NOW), Directory(policy, document.networks)), policy.tests)


def test_a_test_passes_when_the_verdict_is_the_expected_one() -> None:
    """By client or by address."""
    results = outcomes(("anca", "10.32.0.1", "tcp/443", "allow"), ("10.8.0.2", "10.32.0.1", "ssh", "deny"))
    assert [result.passed for result in results] == [True, True]


def test_a_failure_names_the_line_that_decides() -> None:
    """An allow that should not be, and a deny that should not be."""
    allowed, denied = outcomes(("anca", "10.32.0.1", "tcp/443", "deny"), ("anca", "10.32.0.9", "tcp/443", "allow"))
    assert allowed.message == (
        f"{allowed.test.place}: anca to 10.32.0.1 tcp/443: expected deny, got allow by policy.yaml:11"
        " {to: cluster, services: [https]}"
    )
    assert denied.message.endswith("expected allow, got deny by policy.yaml:12 {to: 10.32.0.9, services: [any]}")


def test_a_failure_for_lack_of_an_entry_says_so() -> None:
    """There is no line to name."""
    (result,) = outcomes(("anca", "10.32.0.1", "ssh", "allow"))
    assert not result.passed
    assert result.message.endswith("expected allow, got deny: no allow of the sender covers it")


def test_tests_that_make_no_sense_are_errors_with_their_lines() -> None:
    """All of them at once."""
    with pytest.raises(HardenError) as caught:
        outcomes(("anka", "10.32.0.1", "ssh", "deny"), ("anca", "10.32.0.300", "ssh", "deny"))
    assert [message.partition(": ")[2] for message in caught.value.messages] == [
        'unknown client "anka"; did you mean "anca"?',
        'bad address "10.32.0.300"',
    ]
    assert all(message.startswith("policy.yaml:") for message in caught.value.messages)
