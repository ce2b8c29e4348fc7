"""wg-quick files, read as ``wg-quick strip`` and ``wg setconf`` read them.

The grammar is that of wireguard-tools (``src/config.c``, ``src/wg-quick/linux.bash``): ``#`` ends a line, blanks
count nowhere, keys and sections have no case, every ``[Peer]`` replaces the allowed IPs that an earlier section
gave the same key. wg-quick takes some keys of ``[Interface]`` for itself; ``Address`` is the one that matters here.

One thing is more lenient than WireGuard: the interface's private key is not needed to know the peers, so a file that
is kept without it can be read. It is warned of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter

from harden.errors import HardenError
from wgfw.addresses import Prefix
from wgfw.peers import complaints
from wgfw.peers.allowed import parse_prefix, without_lost
from wgfw.peers.grammar import HOOKS, QUICK, SETTINGS, is_key, valid_interface_name
from wgfw.peers.names import Span, section_names
from wgfw.peers.values import AllowedIP, InterfacePeers, Peer

MAX_MESSAGES = 20
HOPELESS = 1000  # as many errors, and the file is something else
MAX_PEERS = 1 << 20  # of one device, drivers/net/wireguard/messages.h


@dataclass(slots=True)
class _Section:
    """One ``[Peer]`` while its lines come in."""

    span: Span
    key: str | None = None
    key_line: int = 0
    key_spoilt: bool = False
    allowed: dict[Prefix, AllowedIP] = field(default_factory=dict)


class _Reader:
    """Collects what the lines say; ``parse`` drives it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.errors: list[tuple[int, str]] = []
        self.warnings: list[tuple[int, str]] = []
        self.hints: dict[str, None] = {}
        self.spans: list[Span] = []
        self.peers: list[_Section] = []
        self.addresses: dict[Prefix, None] = {}
        self.peer: _Section | None = None
        self.place: str | None = None  # the section as wg sees it: Interface, Peer, unknown or None
        self.quick = False  # whether wg-quick looks for its own keys

    # -- lines ----------------------------------------------------------------------------------------------------

    def header(self, number: int, line: bytes) -> None:
        """A line that begins with ``[``."""
        self.quick = line.strip().lower() == b"[interface]"
        name = b"".join(line.split()).lower()
        span = Span(number - 1, name == b"[peer]")
        self.spans.append(span)
        self.peer = None
        if name == b"[peer]":
            self.place = "Peer"
            self.peer = _Section(span)
            self.peers.append(self.peer)
        elif name == b"[interface]":
            self.place = "Interface"
        else:
            self.place = "unknown"
            shown = complaints.excerpt(line.decode("utf-8", "replace"), 20)
            self.errors.append((number, f"unknown section {shown}: WireGuard has [Interface] and [Peer]"))

    def setting(self, number: int, name: bytes, equals: bytes, value: bytes, raw_name: bytes) -> None:
        """Any other line that is not blank, its key without blanks and in lower case."""
        if self.spans:
            self.spans[-1].extend(number - 1)
        if self.quick and raw_name.strip().lower() in QUICK:
            self.quick_setting(number, name, value if equals else b"")
            return
        value = b"".join(value.split())
        settings = SETTINGS.get(self.place or "", {})
        if not equals or name not in settings:
            self.unknown(number, raw_name, bool(equals))
        elif not value and name != b"privatekey":
            self.errors.append((number, f"{settings[name].name} is empty: WireGuard refuses a key without a value"))
            self.spoil(name)
        else:
            self.checked(number, name, value)

    def checked(self, number: int, name: bytes, value: bytes) -> None:
        """A setting that belongs where it stands and has a value."""
        peer = self.peer
        if name == b"allowedips" and peer is not None:
            self.allowed_ips(number, peer, value)
        elif name == b"publickey" and peer is not None:
            self.public_key(number, peer, value)
        elif name == b"privatekey":
            if not is_key(value):
                said = complaints.about_key("PrivateKey", value.decode("utf-8", "replace"))
                self.warnings.append((number, f"{said}; the peers are read, but WireGuard refuses this file as it is"))
        elif name == b"presharedkey":
            if not is_key(value):
                self.errors.append((number, complaints.about_key("PresharedKey", value.decode("utf-8", "replace"))))
        elif fault := SETTINGS[self.place or ""][name].fault(value):
            self.errors.append((number, fault))

    def quick_setting(self, number: int, name: bytes, value: bytes) -> None:
        """A key of ``[Interface]`` that wg-quick keeps for itself."""
        text = value.decode("utf-8", "replace").strip()
        if name == b"saveconfig" and text.lower() not in ("true", "false"):
            self.errors.append((number, f"SaveConfig {complaints.excerpt(text)} is neither true nor false"))
        if name != b"address":
            return
        for element in text.split(","):
            try:
                for address in element.split():
                    parse_prefix(address)
                    self.addresses[parse_prefix(address.partition("/")[0])[0]] = None
            except ValueError:
                self.errors.append((number, complaints.about_prefix("Address", element.strip())))

    def public_key(self, number: int, peer: _Section, value: bytes) -> None:
        """PublicKey of the current peer; the last one of a section counts."""
        if not is_key(value):
            self.errors.append((number, complaints.about_key("PublicKey", value.decode("utf-8", "replace"))))
            peer.key_spoilt = True
            return
        if peer.key is not None:
            self.warnings.append((number, f"a second PublicKey in one [Peer]: that of line {peer.key_line} is lost"))
        peer.key, peer.key_line = value.decode(), number

    def allowed_ips(self, number: int, peer: _Section, value: bytes) -> None:
        """AllowedIPs of the current peer; several lines add up."""
        for element in value.decode("utf-8", "replace").split(","):
            try:
                prefix, host_bits = parse_prefix(element)
            except ValueError:
                self.errors.append((number, complaints.about_prefix("AllowedIPs", element)))
                continue
            if host_bits:
                shown = complaints.excerpt(element, 60)
                self.warnings.append((number, f"AllowedIPs {shown} has host bits set: WireGuard takes it for {prefix}"))
            if prefix not in peer.allowed:
                peer.allowed[prefix] = AllowedIP(prefix, number)

    def unknown(self, number: int, raw_name: bytes, has_value: bool) -> None:
        """A line that WireGuard does not recognise."""
        if self.place == "unknown":
            return  # said once, at the section
        name = raw_name.decode("utf-8", "replace").strip()
        if has_value and complaints.is_amnezia(name):
            self.hints[complaints.AMNEZIA_HINT] = None
        self.errors.append((number, complaints.about_unknown(name, has_value, self.place)))

    def spoil(self, name: bytes) -> None:
        """Remember that the current peer's key has been complained about."""
        if name == b"publickey" and self.peer is not None:
            self.peer.key_spoilt = True

    # -- the whole ------------------------------------------------------------------------------------------------

    def message(self, number: int, text: str) -> str:
        """With the place in front, as every message about a file has it."""
        return f"{self.source}:{number}: {text}"

    def kept(self, sections: Iterable[tuple[_Section, str | None]]) -> tuple[Peer, ...]:
        """One Peer for each key, in the order of the sections that count: the last of each key."""
        peers: dict[str, Peer] = {}
        replaced: list[Peer] = []
        lines: dict[str, list[int]] = {}
        for section, found in sections:
            if section.key is None:
                if not section.key_spoilt:
                    self.errors.append((section.span.header + 1, "this [Peer] has no PublicKey"))
                continue
            name = found
            before = peers.pop(section.key, None)
            if before is not None:
                replaced.append(before)
                lines.setdefault(section.key, [before.line]).append(section.key_line)
                name = name or before.name
            peers[section.key] = Peer(section.key, name, tuple(section.allowed.values()), section.key_line)
        for key, where in lines.items():
            said = f"the same PublicKey in {len(where)} sections, from line {where[0]} on: WireGuard keeps only this"
            self.warnings.append((peers[key].line, said))
        kept = tuple(without_lost(peers.values(), replaced))
        for peer in kept:
            if not peer.allowed_ips:
                left = " left, another section took them" if peers[peer.public_key].allowed_ips else ""
                self.warnings.append((peer.line, f"this peer has no AllowedIPs{left}: it can neither send nor receive"))
        return kept

    def give_up(self, number: int) -> None:
        """Raise with what is wrong up to here: reading on would only cost time."""
        if len(self.peers) > MAX_PEERS:
            self.errors.append((number, f"more than {MAX_PEERS} peers, which no WireGuard interface has"))
        self.hints["is this the right file? reading stopped after so many errors"] = None
        self.fail()

    def fail(self) -> None:
        """Raise if anything is wrong."""
        if not self.errors:
            return
        messages = [self.message(number, text) for number, text in sorted(self.errors, key=itemgetter(0))]
        if len(messages) > MAX_MESSAGES:
            left = len(messages) - MAX_MESSAGES
            messages = [*messages[:MAX_MESSAGES], f"{self.source}: and {left} more problems"]
        raise HardenError(messages, self.hints)


def parse(data: bytes, source: str, interface: str) -> InterfacePeers:
    """The peers in the text of a wg-quick file.

    ``source`` is the path for the messages, ``interface`` the name that the peers belong to. Raises
    HardenError with all that is wrong, each message beginning with ``source:line:``.
    """
    if not valid_interface_name(interface):
        raise HardenError(
            f"{complaints.excerpt(interface)} is no name of an interface",
            "at most 15 of the characters A-Z a-z 0-9 _ = + . -, without a + at the end",
        )
    reader = _Reader(source)
    lines = _text_lines(data, reader)
    _refuse_template(data, lines, reader)
    canonical: dict[bytes, bytes] = {}
    for number, line in enumerate(lines, 1):
        if line[:1] in (b"", b"#"):
            continue  # most of those that say nothing, at a fraction of the cost
        head, equals, value = line.partition(b"#")[0].partition(b"=")
        name = canonical.get(head)
        if name is None:
            name = canonical[head] = b"".join(head.split()).lower()
        if equals or name:
            if name.startswith(b"["):
                reader.header(number, line.partition(b"#")[0])
            else:
                reader.setting(number, name, equals, value, head)
            if len(reader.errors) > HOPELESS or len(reader.peers) > MAX_PEERS:
                reader.give_up(number)
    names = section_names(lines, reader.spans)
    named = (name for name, span in zip(names, reader.spans, strict=True) if span.is_peer)
    peers = reader.kept(zip(reader.peers, named, strict=True))
    reader.fail()
    warnings = tuple(reader.message(number, text) for number, text in sorted(reader.warnings, key=itemgetter(0)))
    return InterfacePeers(interface, source, peers, tuple(reader.addresses), warnings)


def _text_lines(data: bytes, reader: _Reader) -> list[bytes]:
    """The lines, without a byte order mark, which is complained of."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise HardenError(reader.message(1, "this is UTF-16 text, which WireGuard does not read"), "save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        number = data.count(b"\n", 0, nul) + 1
        raise HardenError(reader.message(number, "a NUL byte: this is no text file"))
    if data.startswith(b"\xef\xbb\xbf"):
        reader.errors.append((1, "the file begins with a byte order mark (BOM), which WireGuard does not read"))
        reader.hints["save the file as UTF-8 without BOM"] = None
        data = data[3:]
    return data.split(b"\n")


def _refuse_template(data: bytes, lines: list[bytes], reader: _Reader) -> None:
    """A template says nothing about peers before it is rendered. Hooks are shell: a ``$`` there means nothing."""
    if not complaints.template_marker(data):
        return
    for number, line in enumerate(lines, 1):
        marker = complaints.template_marker(line)
        if marker is None or line.partition(b"=")[0].strip().lower() in HOOKS:
            continue
        comment = line.find(b"#")
        if 0 <= comment <= line.index(marker.encode()):
            continue
        raise HardenError(reader.message(number, complaints.about_template(marker)), complaints.TEMPLATE_HINT)
