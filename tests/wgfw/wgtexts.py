"""wg-quick files for property tests: mostly sound, in every spelling that wireguard-tools takes, sometimes not."""

import base64

from hypothesis import strategies as st

KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in range(5)]
PREFIXES = ["10.0.0.1/32", "10.0.0.2", "10.0.0.77/24", "10.0.0.0/24", "0.0.0.0/0", "fd00::1", "fd00::5/64", "::/0",
            "::ffff:1.2.3.4/96", "1:2:3:4:5:6:7::/120", "10.0.0.1/032"]  # fmt: skip
BAD_PREFIXES = ["", "10.0.0.0/255.0.0.0", "10.0.0.01", "10.0.0.1/33", "fe80::1%lo/64", "10.0.0", "x", "10.0.0.1/",
                "10.0.0.1/24/8", "+10.0.0.1", "fd00::/129", "10.0.0.1/-1"]  # fmt: skip
COMMENTS = ["", "", "", " # x", "#[Peer]", "# PublicKey = y", "## friendly_name = z"]
BAD_LINES = ["Foo = 1", "PublicKey", "AllowedIPs =", "[Peers]", "PublicKey = abc", "Jc = 3", "= x", "=",
             "PersistentKeepalive = 65536", "PresharedKey =", "SaveConfig = maybe", "Address = 10.0.0.1/24",
             "[ Interface ]", "MTU = 1420", "PublicKey = " + KEYS[1][:42] + "R="]  # fmt: skip


@st.composite
def spelt(draw: st.DrawFn, name: str, value: str | None = None) -> str:
    """A line in some case, with blanks anywhere."""
    name = draw(st.sampled_from([name, name.lower(), name.upper(), name[:2] + " " + name[2:], "\t" + name + " "]))
    if value is None:
        return name
    blank = draw(st.sampled_from(["", " ", "\t ", "\v"]))
    if draw(st.booleans()) and len(value) > 4:
        value = value[:3] + blank + value[3:]
    return f"{name}{blank}={blank}{value}{draw(st.sampled_from(['', ' ', chr(13)]))}"


@st.composite
def peer(draw: st.DrawFn) -> list[str]:
    """The lines of one [Peer], its settings in any order."""
    settings = [("PublicKey", draw(st.sampled_from(KEYS)))]
    for _ in range(draw(st.integers(0, 2))):
        settings.append(("AllowedIPs", draw(st.sampled_from([", ", ","])).join(draw(prefixes()))))
    if draw(st.booleans()):
        settings.append(("PersistentKeepalive", draw(st.sampled_from(["off", "25", "OFF", "0"]))))
    if draw(st.booleans()):
        settings.append(("PresharedKey", draw(st.sampled_from(KEYS))))
    lines = [
        draw(spelt(name, value)) + draw(st.sampled_from(COMMENTS)) for name, value in draw(st.permutations(settings))
    ]
    return [draw(spelt("[Peer]")), *lines]


def prefixes() -> st.SearchStrategy[list[str]]:
    """Some allowed IPs, now and then one that is none."""
    good = st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=3)
    return st.one_of(
        good, good, good, good, st.tuples(st.sampled_from(PREFIXES), st.sampled_from(BAD_PREFIXES)).map(list)
    )


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A whole file."""
    head = draw(st.sampled_from(["[Interface]", "[interface] # gateway", "\t[INTERFACE] "]))
    hooks = ["Address = 10.0.0.1/24, fd00::1/64", "PreUp =", "PostUp = iptables -A $FOO; echo ${x} {{ y }} # [Peer]",
             "SaveConfig = TRUE", "ListenPort = 51820", "dns = 1.1.1.1", f"PrivateKey = {KEYS[0]}"]  # fmt: skip
    lines = [head, *draw(st.lists(st.sampled_from(hooks), max_size=4))] if draw(st.booleans()) else []
    for section in draw(st.lists(peer(), max_size=4)):
        lines += section
        lines += draw(st.sampled_from([[], [""], ["# a comment"], ["", "# [Peer]", "# x = y", ""]]))
    if draw(st.integers(0, 4)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(BAD_LINES)))
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode() + draw(st.sampled_from([b"", b"\n"]))
