"""Keys between lines of dashes as people and programs leave them, and what stands between such lines and is no key."""

import base64
import json
import textwrap
import time
from collections.abc import Callable

import pytest

from harden_secrets.material import Material, Surroundings
from tests.harden_secrets.keys import pairs, pem, pgp, ssh, symmetric
from tests.harden_secrets.keys.asking import found, only

RSA, EC = pairs.rsa(), pairs.ec()
PLAIN = {
    "pkcs8": pem.pkcs8(RSA),
    "pkcs1": pem.traditional(RSA),
    "sec1": pem.traditional(EC),
    "openssh": ssh.openssh(),
    "encrypted": pem.encrypted_pkcs8(EC),
    "legacy encrypted": pem.legacy_encrypted(EC),
}


def lines(key: bytes) -> list[str]:
    return key.decode().splitlines()


def body(key: bytes) -> str:
    return "".join(lines(key)[1:-1])


def rearmoured(label: str, digits: str) -> bytes:
    return f"-----BEGIN {label}-----\n{digits}\n-----END {label}-----\n".encode()


SHAPES: dict[str, Callable[[bytes], str]] = {
    "one line, blanks": lambda key: " ".join(lines(key)),
    "one line, nothing": lambda key: "".join(lines(key)),
    "one line, escaped": lambda key: "\\n".join(lines(key)),
    "one line, escaped twice": lambda key: "\\\\n".join(lines(key)),
    "one line, escaped CRLF": lambda key: "\\r\\n".join(lines(key)),
    "dotenv": lambda key: 'KEY="' + "\\n".join(lines(key)) + '"\nOTHER=1',
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key.decode()})),
    "JSON that escapes slashes": lambda key: json.dumps(key.decode()).replace("/", "\\/"),
    "JSON that escapes plus": lambda key: json.dumps(key.decode()).replace("+", "\\u002B"),
    "XML": lambda key: "<key>" + "&#10;".join(lines(key)) + "</key>",
    "comment": lambda key: textwrap.indent(key.decode(), "# "),
    "comment in C": lambda key: textwrap.indent(key.decode(), "// "),
    "comment of a block": lambda key: textwrap.indent(key.decode(), " * "),
    "quoted in mail": lambda key: textwrap.indent(key.decode(), "> "),
    "added by a patch": lambda key: textwrap.indent(key.decode(), "+"),
    "taken out by a patch": lambda key: textwrap.indent(key.decode(), "-"),
    "tabs": lambda key: textwrap.indent(key.decode(), "\t\t"),
    "Go": lambda key: " +\n\t".join(f'"{line}\\n"' for line in lines(key)),
    "C": lambda key: "\n".join(f'  "{line}\\n"' for line in lines(key)),
    "JavaScript": lambda key: ",\n".join(f"  '{line}'" for line in lines(key)),
    "PHP": lambda key: " .\n".join(f"'{line}'" for line in lines(key)),
    "joined by backslashes": lambda key: "\\n\\\n".join(lines(key)),
    "blank lines between": lambda key: "\n\n".join(lines(key)),
    "trailing blanks": lambda key: "  \n".join(lines(key)),
}


@pytest.mark.parametrize("key", [key for name, key in PLAIN.items() if "legacy" not in name])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_key_is_the_same_in_every_shape(shape: str, key: bytes) -> None:
    """However its lines end, whatever stands in front of them."""
    content = SHAPES[shape](key).encode()
    detection = only(b"before\n" + content + b"\nafter\n")
    assert detection.identity == only(key).identity
    assert "damaged" not in detection.description


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in {"Go", "C", "JavaScript", "PHP"}])
@pytest.mark.parametrize("cipher", ["aes256", "des3"])
def test_the_old_encryption_is_known_in_every_shape(shape: str, cipher: str) -> None:
    """Its headers are lines too, and may have lost their ends."""
    key = pem.legacy_encrypted(EC, cipher)
    detection = only(SHAPES[shape](key).encode())
    assert detection.protected
    assert detection.identity == only(key).identity


OTHERS = {
    "pgp": pgp.armoured(),
    "putty": ssh.putty(),
    "putty encrypted": ssh.putty(None, 3, "x"),
    "putty 2": ssh.putty(pairs.rsa(), 2),
    "openvpn": symmetric.openvpn_static(),
    "tls-crypt-v2": symmetric.openvpn_tls_crypt_v2_client(),
}


LOSSES = ("one line, blanks", "one line, nothing", "one line, escaped", "one line, escaped twice", "XML", "tabs")
# Without anything between them the counts of lines in PuTTY's format run into what they count.
SURVIVED = [(name, shape) for name in OTHERS for shape in LOSSES if ("putty" in name, shape) != (True, LOSSES[1])]


@pytest.mark.parametrize(("name", "shape"), SURVIVED)
def test_other_formats_survive_the_loss_of_their_lines_too(name: str, shape: str) -> None:
    """Environment variables and templates do that to all of them."""
    detection = only(SHAPES[shape](OTHERS[name]).encode())
    assert detection.identity == only(OTHERS[name]).identity


@pytest.mark.parametrize(
    ("surroundings", "material"),
    [
        (Surroundings(name="tls.key"), Material.TLS_PRIVATE_KEY),
        (Surroundings(file="certs/flush.pem"), Material.TLS_PRIVATE_KEY),
        (Surroundings(name="id_rsa"), Material.SSH_PRIVATE_KEY),
        (Surroundings(name="ssh-privatekey"), Material.SSH_PRIVATE_KEY),
        (Surroundings(name="sshPrivateKey"), Material.SSH_PRIVATE_KEY),
        (Surroundings(file="/root/.ssh/deploy"), Material.SSH_PRIVATE_KEY),
        (Surroundings(file="etc/ssh_host_rsa_key"), Material.SSH_PRIVATE_KEY),
        (Surroundings(name="key", secret_type="kubernetes.io/ssh-auth"), Material.SSH_PRIVATE_KEY),
    ],
)
def test_surroundings_say_what_a_pem_key_is_for(surroundings: Surroundings, material: Material) -> None:
    """The structure is the same for both uses; the identity too."""
    for key in (pem.traditional(RSA), pem.traditional_der(RSA)):
        assert only(key, surroundings).material is material


def test_several_keys_in_one_text_are_several_findings() -> None:
    """Each where it stands, certificates between them are passed over."""
    keys = [pem.pkcs8(EC), pem.certificate(EC), pem.traditional(RSA), ssh.openssh()]
    content = b"".join(keys)
    detections = found(content)
    assert [content[one.start : one.end] + b"\n" for one in detections] == [keys[0], keys[2], keys[3]]


def cut(key: bytes, share: float) -> bytes:
    """The first part of a key, without its last line."""
    digits = body(key)
    return f"{lines(key)[0]}\n{digits[: int(len(digits) * share)]}\n".encode()


@pytest.mark.parametrize("name", ["pkcs8", "pkcs1", "sec1"])
def test_a_key_without_its_last_line_is_a_key(name: str) -> None:
    """All of it is there, so it is not even called damaged."""
    key = PLAIN[name]
    assert only(cut(key, 1)).identity == only(key).identity


@pytest.mark.parametrize(("share", "dangerous"), [(0.3, False), (0.7, True), (0.95, True)])
@pytest.mark.parametrize("name", ["pkcs8", "pkcs1"])
def test_a_part_of_an_rsa_key_is_a_finding_if_the_key_can_be_had_from_it(
    name: str, share: float, dangerous: bool
) -> None:
    """The exponent, or one of the primes, is enough; the public numbers are not."""
    detections = found(cut(PLAIN[name], share))
    assert [one.public for one in detections] == [pairs.public_half(RSA)] * dangerous
    assert all("damaged" in one.description for one in detections)


def test_a_part_of_an_ec_key_is_a_finding_under_the_right_name() -> None:
    """The number comes first, the curve after it; cut off before that, any curve of the size may be the one."""
    key = pem.traditional(EC)
    assert only(cut(key, 0.6)).public == pairs.public_half(EC)
    nameless = only(cut(key, 0.4))
    assert nameless.public is None
    assert "damaged" in nameless.description


def test_a_changed_prime_does_not_hide_an_rsa_key() -> None:
    """The other parts prove it, and it is said that something is wrong."""
    der = bytearray(pem.traditional_der(RSA))
    at = der.index(RSA.private_numbers().p.to_bytes(128, "big"))
    der[at + 50] ^= 1
    detection = only(bytes(der))
    assert detection.public == pairs.public_half(RSA)


def test_numbers_that_do_not_belong_together_are_no_key() -> None:
    """Digits typed over here and there in an example."""
    der = bytearray(pem.traditional_der(RSA))
    del der[20:24]
    der[16:16] = b"\1\2\3\4"  # the modulus, and with it everything that would prove the others
    assert not found(bytes(der))
    assert not found(rearmoured("RSA PRIVATE KEY", base64.b64encode(der).decode()))


@pytest.mark.parametrize(
    "inside",
    [
        "...",
        "…",
        "REDACTED",
        "<your key here>",
        "{{ .Values.key }}",
        "${PRIVATE_KEY}",
        "%s",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "MIIEpAIBAAKCAQEA...",
        "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC\n[snip]\n",
        "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC" + "A" * 1600,
        "AAAA" * 400,
        "[\\s\\S]{64,}",
        "[A-Za-z0-9+/=\\s]+",
        "",
        "\n\n\n",
    ],
)
@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
)
def test_placeholders_templates_and_patterns_are_no_keys(label: str, inside: str) -> None:
    """What does not parse as a key is none."""
    content = rearmoured(label, inside)
    assert not found(content)
    assert not found(content.replace(b"\n", b"\\n"))


@pytest.mark.parametrize(
    "text",
    [
        b'regex = "-----BEGIN (?:RSA |EC |DSA )?PRIVATE KEY-----"',
        b'if strings.Contains(s, "-----BEGIN RSA PRIVATE KEY-----") {\n\treturn errors.New("key")\n}\n',
        b"The file starts with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----.",
        b"-----BEGIN DH PARAMETERS-----\nMIIBCAKCAQEA\n-----END DH PARAMETERS-----\n",
        b"$ANSIBLE_VAULT;1.1;AES256\n3330623530386137\n",
        b"key: ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A=]\n",
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCg==\n-----END AGE ENCRYPTED FILE-----\n",
        b"\0GITCRYPT\0" + bytes(range(60)),
        b"AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
        b'key "transfer" { algorithm hmac-sha256; secret "YOUR-SECRET-HERE"; };',
        b'key "transfer" { algorithm hmac-sha256; secret "yoursecrethere"; };',
        b'{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA"}',
        b'{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}',
        b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\n...\nPrivate-Lines: 1\n...\n",
        b"-----BEGIN OpenVPN Static key V1-----\n" + b"0" * 512 + b"\n-----END OpenVPN Static key V1-----\n",
        b"-----BEGIN OpenVPN Static key V1-----\n...\n-----END OpenVPN Static key V1-----\n",
    ],
)
def test_what_only_speaks_of_keys_is_none(text: bytes) -> None:
    """Rules of scanners, documents, ciphertext of several kinds, dummies."""
    assert not found(text)
    assert not found(text + b"\n" + b"text after it\n" * 20)


def test_96_bytes_are_a_git_crypt_key_only_where_a_name_says_so() -> None:
    """The format before 0.4 has no mark of its own."""
    key = symmetric.git_crypt_legacy()
    assert not found(key)
    for surroundings in (
        Surroundings(name="git-crypt.key"),
        Surroundings(file="ops/git-crypt-key"),
        Surroundings(name="key", siblings={"GITCRYPT_ENABLED": "1"}),
    ):
        assert only(key, surroundings).identity.reveal() == key
    assert not found(b"0123456789abcdef" * 6, Surroundings(name="git-crypt.key"))


HUGE = 1_000_000


@pytest.mark.parametrize(
    "unit",
    [
        b"-----BEGIN PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC\n",
        b"-----BEGIN PRIVATE KEY-----" + b"A" * 5000,
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n",
        b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\n",
        b"-----BEGIN OpenVPN Static key V1-----\nabcdef",
        b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 1\n",
        b"openssh-key-v1\0\0\0\0\4none",
        b"\0GITCRYPTKEY\0\0\0\2\0\0\0\0",
        b'{"kty":"RSA","d":"AA","a":',
        b'"kty":"RSA",',
        b'{"a":{},"kty":"RSA","n":"' + b"_" * 1000 + b'","d":"AA"},',
        b"AGE-SECRET-KEY-1QQQQQQQQ",
        b"AGE-PLUGIN-A-A-A-A-",
        b'algorithm hmac-sha256; secret "',
        b"algorithm hmac-sha256;   ",
        b"algorithm: hmac-sha256\n",
        b"RWQAAEIy",
        b"RWRCSwAA",
        b"ssh-ed25519 AAAA",
        b"\\\\n\\n",
        b"\x30\x80",
        b"\x02\x01\x00",
        b"\x95\x00\x02\x04\x01",
        b" ",
        b"-",
    ],
    ids=repr,
)
def test_time_is_linear_whatever_is_repeated(unit: bytes) -> None:
    """A million bytes of anything take seconds at most, and twice as much takes about twice as long."""

    def seconds(size: int) -> float:
        content = b"\x30\x84\x7f\xff\xff\xff" + unit * (size // len(unit))
        begin = time.process_time()
        found(content)
        return time.process_time() - begin

    short, long = seconds(HUGE // 4), seconds(HUGE)
    assert long < max(0.5, 4 * 2.5 * short)
    assert long < 10
