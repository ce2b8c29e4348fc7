"""iptables' complaints, as both backends of 1.8 word them, in words that say what to do; and which backend to use."""

import pytest

from harden.errors import HardenError
from wgfw.kernel.backend import choose, confirm
from wgfw.kernel.diagnosis import UnreadableTableError, refusal
from wgfw.kernel.reading import parse_save

TEXT = (
    "*mangle\n:HARDEN-WG-A - [0:0]\n-A HARDEN-WG-A -m rpfilter --invert -j DROP\nCOMMIT\n"
    "*security\n-I FORWARD 1 -m conntrack --ctstate NEW -j MARK --set-xmark 0x1/0x1\nCOMMIT\n"
)
SAID = {
    "Another app is currently holding the xtables lock. Stopped waiting after 20s.": (
        "holds the xtables lock",
        "fuser",
    ),
    "Fatal: can't open lock file /run/xtables.lock: Permission denied": ("does not let this process", "root"),
    "Could not fetch rule set generation id: Permission denied (you must be root)": ("does not let", "CAP_NET_ADMIN"),
    "Couldn't load match `nosuch':No such file or directory\n\nError occurred at line: 3": (
        "match 'nosuch'",
        "libxt_nosuch",
    ),
    "Couldn't load target `NOSUCH':No such file or directory": ("target 'NOSUCH'", "reinstall"),
    "Warning: Extension MARK revision 0 not supported, missing kernel module?": ("does not know 'MARK'", "xt_MARK"),
    "iptables-restore: unable to initialize table 'security'": ("no table 'security'", "modprobe iptable_security"),
    "can't initialize iptables table `filter': Table does not exist": ("no table 'filter'", "modprobe iptable_filter"),
    "line 3: RULE_APPEND failed (Invalid argument): rule in chain X": (
        "'mangle': Invalid argument (rpfilter)",
        "xt_rpfilter",
    ),
    "iptables-restore: line 4 failed": ("refused the table 'mangle'", "xt_rpfilter"),
    "iptables-restore: line 7 failed": ("refused the table 'security'", "xt_conntrack xt_MARK"),
    "line 2: CHAIN_DEL failed (Device or resource busy): chain B": ("busy: :HARDEN-WG-A", None),
    "something\n  new": ("ip6tables-restore: something new", None),
    "": ("ip6tables-restore: failed without a word", None),
    "iptables-restore: line 99 failed": ("line 99 failed", None),
}


@pytest.mark.parametrize("said", SAID)
def test_a_complaint_says_what_is_wrong_and_what_to_do(said: str) -> None:
    """Never iptables' own words alone where more is known."""
    message, hint = SAID[said]
    told = refusal("ip6tables-restore", said, TEXT)
    assert message in told.messages[0]
    assert (hint is None and not told.hints) or (hint is not None and hint in told.hints[0])


def test_rules_beyond_iptables_are_an_error_of_their_own() -> None:
    """So that nobody takes the other backend without a word."""
    assert isinstance(refusal("iptables-nft-save", "Parsing nftables rule failed\nPerhaps …"), UnreadableTableError)


NONE, OURS = "", "*filter\n:HARDEN-WG-A - [0:0]\n-A FORWARD -i wg0 -j HARDEN-WG-A\nCOMMIT\n"
OTHERS, MORE = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", "*nat\n:DOCKER - [0:0]\n-A DOCKER -j RETURN\nCOMMIT\n"


@pytest.mark.parametrize(
    ("nft", "legacy", "preferred", "chosen", "notes"),
    [
        (NONE, NONE, "legacy", "nft", 0),
        (OTHERS, NONE, "legacy", "nft", 0),
        (NONE, OTHERS, "nft", "legacy", 0),
        (OTHERS, MORE, "nft", "nft", 1),
        (OTHERS, MORE, None, "legacy", 1),
        (OURS, NONE, "legacy", "nft", 0),
        (OURS, MORE, "legacy", "nft", 1),
        (MORE, OURS, "nft", "legacy", 1),
        (NONE, None, None, "nft", 0),
        (None, NONE, "nft", "legacy", 0),
    ],
)
def test_the_backend_is_the_one_with_the_hosts_rules(
    nft: str | None, legacy: str | None, preferred: str | None, chosen: str, notes: int
) -> None:
    """None is a backend that does not work here."""
    holdings = {name: (parse_save(4, text),) for name, text in (("nft", nft), ("legacy", legacy)) if text is not None}
    choice = choose(holdings, preferred)  # type: ignore[arg-type]
    assert (choice.backend, len(choice.notes)) == (chosen, notes)


def test_ours_in_both_and_none_that_works_are_refused() -> None:
    """With what to do."""
    both = {"nft": (parse_save(4, OURS),), "legacy": (parse_save(6, OURS),)}
    for holdings, message in ((both, "both backends"), ({}, "neither backend")):
        with pytest.raises(HardenError, match=message) as caught:
            choose(holdings, "nft")  # type: ignore[arg-type]
        assert caught.value.hints
    assert "--backend legacy" in confirm("nft", both).notes[0]  # type: ignore[arg-type]
    assert not confirm("nft", {"nft": both["nft"], "legacy": (parse_save(4, OTHERS),)}).notes
