"""What ``explain`` answers, alone and in batches."""

import json
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden.document.yamlscalar import yaml_scalar
from harden.errors import HardenError
from tests.wgfw.handmade import NOW, Holder, Peer, build, flow_point, services
from tests.wgfw.made_policies import ADDRESSES, POINTS, SERVICES, policies
from wgfw.addresses import parse_ip
from wgfw.batch import explain_batch
from wgfw.directory import Directory
from wgfw.evaluate import Evaluator, Packet
from wgfw.explain import Answer, Explainer, Question
from wgfw.policy.document import Document
from wgfw.policy.model import Policy
from wgfw.services import Flow


def explainer_of(made: tuple[Policy, Document]) -> Explainer:
    policy, document = made
    return Explainer(Evaluator(policy, NOW), Directory(policy, document.networks, {"mixed": services("ssh,ping")}))


@pytest.fixture
def explainer() -> Explainer:
    clients = {
        "anca": Peer(
            ips=["10.8.0.2/32", "fd00:8::2/128"],
            profiles=["media"],
            allow=[("cluster", "https", NOW + timedelta(hours=1)), ("nas", "nfs", NOW - timedelta(hours=1))],
            deny=[("10.32.0.1", "any")],
        ),
        "laptop": Peer(ips=["10.8.0.3/32"], inbound=[("nas", "tcp/80")], profiles=["strict"]),
        "plain": Peer(ips=["10.8.0.4/32"], profiles=["media"], entry=False),
        "wg0/twin": Peer(ips=["10.8.0.5/32"]),
        "wg1/twin": Peer(ips=["10.9.0.5/32"], interface="wg1"),
        "site": Peer(ips=["10.50.0.0/16"], allow=[("any", "any")]),
    }
    return explainer_of(
        build(
            clients,
            profiles={
                "media": Holder(allow=[("nas", "smb,ping"), ("dns", "dns")]),
                "strict": Holder(allow=[("any", "any")], deny=[("nas", "ssh")]),
            },
            networks={
                "nas": ["192.168.1.10", "fd00:1::10"],
                "cluster": ["10.32.0.0/12"],
                "dns": ["10.0.20.200"],
                "lan": ["192.168.1.0/24"],
            },
            gateway=["10.8.0.1"],
        )
    )


def ask(explainer: Explainer, source: str, to: str, service: str | None = None, address: str | None = None) -> Answer:
    return explainer.explain(Question(source, to, service, address))


def test_the_document_has_the_keys_of_the_contract(explainer: Explainer) -> None:
    """Scripts rely on these keys and on the shape of ``rule``."""
    document = ask(explainer, "anca", "192.168.1.10", "smb").document()
    assert {"from", "client", "to", "service", "verdict", "rule"} <= document.keys()
    assert document["from"] == "anca"
    assert document["client"] == "anca"
    assert document["to"] == "192.168.1.10"
    assert document["service"] == "smb"
    assert document["verdict"] == "allow"
    assert document["rule"].keys() == {"file", "line", "text"}
    assert document["rule"]["text"] == "{to: nas, services: [smb,ping]}"
    assert ask(explainer, "anca", "192.168.1.11", "smb").document()["rule"] is None
    assert json.loads(json.dumps(document)) == document


def test_a_denial_names_the_line_that_would_allow_it(explainer: Explainer) -> None:
    """By the network's name where there is one for this host, under the client's own entry."""
    answer = ask(explainer, "anca", "192.168.1.10", "tcp/8080")
    assert not answer.allowed
    assert answer.rule is None
    (line,) = answer.suggestion
    assert line.startswith("add to clients.anca.allow (policy.yaml:")
    assert line.endswith("): - {to: nas, services: [tcp/8080]}")
    assert ask(explainer, "anca", "192.168.1.11", "ssh").suggestion[0].endswith("{to: 192.168.1.11, services: [ssh]}")


def test_a_client_is_suggested_by_name_and_an_ipv6_address_in_quotes(explainer: Explainer) -> None:
    """What is suggested can be pasted."""
    assert ask(explainer, "anca", "10.8.0.3", "ssh").suggestion[0].endswith('{to: "client:laptop", services: [ssh]}')
    assert ask(explainer, "anca", "fd00:1::11", "ssh").suggestion[0].endswith('{to: "fd00:1::11", services: [ssh]}')


def test_a_peer_without_an_entry_keeps_its_profiles_in_the_suggestion(explainer: Explainer) -> None:
    """An entry without profiles would take the default one away."""
    (line,) = ask(explainer, "plain", "192.168.1.10", "ssh").suggestion
    assert line == ("add under clients (policy.yaml): plain: {profiles: [media], allow: [{to: nas, services: [ssh]}]}")


def test_a_denial_by_a_deny_says_which_must_go(explainer: Explainer) -> None:
    """With the profile it comes from; no addition is suggested where an allow covers the rest."""
    answer = ask(explainer, "laptop", "192.168.1.10", "ssh")
    assert answer.rule is not None
    (line,) = answer.suggestion
    assert line == f"take out the deny of profile strict at {answer.rule.place}: {{to: nas, services: [ssh]}}"


def test_from_outside_the_receivers_inbound_decides_and_is_suggested(explainer: Explainer) -> None:
    """An address that is no client's."""
    assert ask(explainer, "192.168.1.10", "10.8.0.3", "tcp/80").allowed
    answer = ask(explainer, "192.168.1.10", "10.8.0.3", "ssh")
    assert answer.client is None
    assert answer.suggestion[0].startswith("add to clients.laptop.inbound (")
    assert answer.suggestion[0].endswith("{from: nas, services: [ssh]}")
    nobody = ask(explainer, "192.168.1.10", "192.168.1.11", "ssh")
    assert not nobody.allowed
    assert nobody.suggestion == ()


def test_what_the_gateway_itself_sends_is_not_restricted(explainer: Explainer) -> None:
    """No rule is needed for it."""
    answer = ask(explainer, "10.8.0.1", "10.8.0.3", "ssh")
    assert answer.allowed
    assert answer.rule is None
    assert "gateway itself" in answer.reason


def test_an_address_of_a_client_is_that_client(explainer: Explainer) -> None:
    """``from`` may be an address; the client is found."""
    answer = ask(explainer, "10.8.0.2", "192.168.1.10", "smb")
    assert (answer.client, answer.allowed) == ("anca", True)


def test_the_first_address_of_the_family_is_used_unless_another_is_given(explainer: Explainer) -> None:
    """IPv6 questions use an IPv6 address; a client may have none; a foreign one is dropped by WireGuard."""
    assert ask(explainer, "anca", "192.168.1.10", "smb").address == "10.8.0.2"
    assert ask(explainer, "anca", "fd00:1::10", "smb").address == "fd00:8::2"
    assert "no IPv6 address" in ask(explainer, "laptop", "fd00:1::10", "smb").reason
    assert ask(explainer, "site", "192.168.1.10", "smb", "10.50.7.7").address == "10.50.7.7"
    foreign = ask(explainer, "site", "192.168.1.10", "smb", "10.8.0.2")
    assert not foreign.allowed
    assert "WireGuard drops it" in foreign.reason


def test_a_service_of_several_ports_is_allowed_only_whole(explainer: Explainer) -> None:
    """tcp/445 and tcp/139 are smb; https is tcp and udp."""
    assert ask(explainer, "anca", "10.0.20.200", "dns").allowed
    assert ask(explainer, "anca", "10.33.0.1", "https").allowed
    partly = ask(explainer, "anca", "192.168.1.10", "tcp/440-450")
    assert not partly.allowed
    assert partly.rule is None
    assert partly.allowed_services == ("tcp/445",)


def test_without_a_service_the_question_is_about_every_service(explainer: Explainer) -> None:
    """And the answer says which are allowed."""
    answer = ask(explainer, "anca", "192.168.1.10")
    assert answer.document()["service"] == "any"
    assert not answer.allowed
    assert answer.allowed_services == ("ping", "tcp/139", "tcp/445")
    assert ask(explainer, "site", "192.168.1.10").allowed


def test_until_is_named_while_it_lasts_and_after(explainer: Explainer) -> None:
    """An answer that will change says when; one that has changed says so too."""
    assert ask(explainer, "anca", "10.33.0.1", "https").document()["until"] == "2026-07-01T13:00:00Z"
    assert "ran out at 2026-07-01T11:00:00Z" in ask(explainer, "anca", "192.168.1.10", "nfs").reason
    assert ask(explainer, "anca", "192.168.1.10", "smb").until is None


@pytest.mark.parametrize(
    ("question", "message", "hint"),
    [
        (Question("anka", "10.0.0.1"), 'unknown client "anka"; did you mean "anca"?', ""),
        (Question("twin", "10.0.0.1"), 'more than one client is called "twin"', "wg0/twin, wg1/twin"),
        (Question("anca", "nas"), 'bad address "nas"', "192.168.1.10"),
        (Question("anca", "laptop"), 'bad address "laptop"', "10.8.0.3"),
        (Question("anca", "10.0.0.1", "smbb"), 'unknown service "smbb"; did you mean "smb"?', ""),
        (Question("anca", "10.0.0.1", "tcp/0"), "port", ""),
        (Question("anca", "10.0.0.1", "icmp/packet-too-big"), "does not exist in IPv4", ""),
        (Question("10.8.0.2", "fd00::1"), "not of the same family", ""),
        (Question("anca", "fd00::1", None, "10.8.0.2"), "not of the same family", ""),
        (Question("anca", "10.0.0.1", None, "x"), 'bad address "x"', ""),
        (Question("10.8.0.2", "10.0.0.1", None, "10.8.0.3"), "is an address already", ""),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(
    explainer: Explainer, question: Question, message: str, hint: str
) -> None:
    """With a suggestion where one is close."""
    with pytest.raises(HardenError) as caught:
        explainer.explain(question)
    assert message in caught.value.messages[0]
    assert hint in "".join(caught.value.hints)


def test_clients_of_one_name_are_told_apart_by_interface(explainer: Explainer) -> None:
    """wg1/twin says which."""
    answer = ask(explainer, "wg1/twin", "10.0.0.1", "ssh")
    assert (answer.client, answer.address) == ("wg1/twin", "10.9.0.5")


@settings(max_examples=150, deadline=None)
@given(
    policies(),
    st.sampled_from(ADDRESSES),
    st.sampled_from(ADDRESSES),
    st.sampled_from(["mixed", *SERVICES[:-1], *POINTS]),
)
def test_an_answer_is_the_verdict_on_every_point_of_the_service(
    made: tuple[Policy, Document], source: str, to: str, service: str
) -> None:
    """Allowed means that no packet of the service is denied; checked on all edges of all services."""
    (family, start), (other, end) = parse_ip(source), parse_ip(to)
    if family != other:
        return
    explainer = explainer_of(made)
    answer = ask(explainer, source, to, service)
    wanted = explainer.directory.service(service)
    points = {flow_point(text) for text in POINTS} | {low for low, _ in wanted} | {high for _, high in wanted}
    points |= {1 << 16 | 8 << 8, 58 << 16 | 128 << 8, 47 << 16, 6 << 16}
    foreign = 58 if family == 4 else 1
    owner = explainer.evaluator.owner(family, start)
    verdicts = [
        explainer.evaluator.judge(
            Packet(family, start, end, Flow(p >> 16, p & 0xFFFF), owner.interface if owner else None)
        )
        for p in points
        if p in wanted and p >> 16 != foreign
    ]
    if owner is None and made[0].gateway.holds(family, start):
        assert answer.allowed
    elif answer.allowed:
        assert all(verdict.allowed for verdict in verdicts)
    elif len(wanted.spans) == 1 and wanted.spans[0][0] == wanted.spans[0][1]:
        assert not any(verdict.allowed for verdict in verdicts)
    if answer.allowed_services == () and not answer.allowed:
        assert not any(verdict.allowed for verdict in verdicts)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "a question is a JSON object"),
        ('{"from": "anca"}', '"to" missing'),
        ('{"from": "anca", "to": "10.0.0.1", "servise": "ssh"}', 'unknown key "servise"; did you mean "service"?'),
        ('{"from": 1, "to": "10.0.0.1"}', '"from" must be a string'),
        ('{"from": "anka", "to": "10.0.0.1"}', "unknown client"),
    ],
)
def test_a_bad_line_of_a_batch_is_named(explainer: Explainer, line: str, message: str) -> None:
    """File and line, and no answer at all."""
    good = '{"from": "anca", "to": "10.0.0.1", "service": "ssh"}'
    with pytest.raises(HardenError) as caught:
        explain_batch(explainer, [good, "\n", line], "questions.jsonl")
    assert caught.value.messages[0].startswith("questions.jsonl:3: ")
    assert message in caught.value.messages[0]


def test_a_batch_answers_in_order(explainer: Explainer) -> None:
    """One answer a question, the empty lines aside; service and source are optional."""
    lines = [
        '{"from": "anca", "to": "192.168.1.10", "service": "smb"}\n',
        "\n",
        '{"from": "site", "to": "192.168.1.10", "source": "10.50.1.1", "service": null}\n',
    ]
    answers = list(explain_batch(explainer, lines, "q"))
    assert [(a["from"], a["verdict"], a["source"]) for a in answers] == [
        ("anca", "allow", "10.8.0.2"),
        ("site", "allow", "10.50.1.1"),
    ]


def test_ten_thousand_questions_take_a_moment() -> None:
    """Against a thousand clients, one in ten with rules of its own."""
    clients = {
        f"c{n}": Peer(
            ips=[f"10.8.{n >> 8}.{n & 255}/32"],
            profiles=["media"],
            allow=[("nas", "ssh"), ("10.32.0.0/12", "https")] if n % 10 == 0 else [],
        )
        for n in range(1000)
    }
    media = Holder(allow=[("nas", "smb"), ("internet", "any"), ("10.0.0.0/24", "dns")])
    explainer = explainer_of(build(clients, profiles={"media": media}, networks={"nas": ["192.168.1.10"]}))
    lines = [
        json.dumps({"from": f"c{n % 1000}", "to": f"10.32.{n >> 8}.{n & 255}", "service": "tcp/443"})
        for n in range(10_000)
    ]
    start = time.process_time()
    answers = list(explain_batch(explainer, lines, "q"))
    assert time.process_time() - start < 3
    assert sum(answer["verdict"] == "allow" for answer in answers) == 1000


def test_names_are_quoted_so_that_yaml_reads_them_back() -> None:
    """Whatever a peer is called."""
    assert yaml_scalar("anca") == "anca"
    assert yaml_scalar("no") == '"no"'
    assert yaml_scalar("0x10") == '"0x10"'
    assert yaml_scalar('a"b\\c\nd') == '"a\\"b\\\\c\\x0ad"'
    assert yaml_scalar("a: b # c") == '"a: b # c"'
    assert yaml_scalar("10.0.0.0/8") == "10.0.0.0/8"
