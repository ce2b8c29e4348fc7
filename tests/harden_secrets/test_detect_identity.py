"""One key has one identity, in whatever format it lies about."""

import json
import time
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from cryptography.utils import CryptographyDeprecationWarning

from harden_secrets.detect.publichalf import public_halves
from tests.harden_secrets.keys import jwk, pairs, pem, pgp, signers, ssh, stores, symmetric
from tests.harden_secrets.keys.asking import found, only
from tests.harden_secrets.keys.programs import run

_PLAIN = [pem.pkcs8, pem.pkcs8_der, stores.pkcs12_open, stores.pkcs12_empty_password, jwk.jwk, stores.jks]
_SSH = [
    ssh.openssh,
    ssh.openssh_encrypted,
    ssh.putty,
    lambda key: ssh.putty(key, 2),
    lambda key: ssh.putty(key, 3, "x"),
]
_OLD = [pem.traditional, pem.traditional_der]


@pytest.mark.parametrize(
    ("make", "forms"),
    [
        (pairs.rsa, [*_PLAIN, *_SSH, *_OLD, ssh.sshcom]),
        (pairs.ec, [*_PLAIN, *_SSH, *_OLD]),
        (lambda: pairs.ec(ec.SECP384R1), [*_PLAIN, *_SSH, *_OLD]),
        (lambda: pairs.ec(ec.SECP521R1), [*_PLAIN, *_SSH, *_OLD]),
        (pairs.ed25519, [*_PLAIN, *_SSH]),
        (pairs.x25519, [pem.pkcs8, pem.pkcs8_der, jwk.jwk]),
        (pairs.ed448, [*_PLAIN]),
        (pairs.dsa, [pem.pkcs8, pem.pkcs8_der, *_OLD]),
    ],
    ids=["rsa", "p256", "p384", "p521", "ed25519", "x25519", "ed448", "dsa"],
)
def test_a_pair_is_known_by_its_public_half_in_every_format(make, forms) -> None:
    """PEM, DER, OpenSSH, PuTTY, PKCS#12, JKS and JWK, with a passphrase too where the public half is in the clear."""
    key = make()
    for form in forms:
        detection = only(form(key))
        assert detection.identity.reveal() == detection.public == pairs.public_half(key)
        assert detection.family == "pair"


def test_a_dsa_key_of_openssh_is_the_one_in_pem() -> None:
    """However old: the kind is refused by default, which does not make the key less of one."""
    key = ssh.openssh_dsa()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        loaded = load_ssh_private_key(key, None)
    assert only(key).identity == only(pem.traditional(loaded)).identity


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1", "secp256k1"])
def test_a_curve_spelled_out_is_the_curve_by_name(curve: str) -> None:
    """OpenSSL can write the parameters of the curve instead of its name."""
    named = run("openssl", "ecparam", "-genkey", "-noout", "-name", curve)
    explicit = run("openssl", "ec", "-param_enc", "explicit", input=named)
    assert len(explicit) > len(named)
    assert only(explicit).identity == only(named).identity


def test_an_rsa_key_for_pss_alone_is_an_rsa_key() -> None:
    """The restriction is in the algorithm's name, the key is the same."""
    restricted = run("openssl", "genpkey", "-algorithm", "RSA-PSS")
    plain = run("openssl", "rsa", "-traditional", input=restricted)
    assert only(restricted).identity == only(plain).identity


def test_an_ec_key_without_its_public_half_is_the_same_key() -> None:
    """RFC 5915 has it optional."""
    key = pairs.ec()
    bare = run("openssl", "ec", "-no_public", input=pem.traditional(key))
    assert only(bare).identity.reveal() == pairs.public_half(key)


def test_an_encrypted_key_is_known_by_its_ciphertext_in_pem_and_der() -> None:
    """Nothing else of it can be seen."""
    encrypted = pem.encrypted_pkcs8(pairs.ec())
    der = run("openssl", "asn1parse", "-noout", "-out", "/dev/stdout", input=encrypted)
    assert only(der).identity == only(encrypted).identity
    assert only(der).public is None


def test_copies_of_a_pgp_key_are_one() -> None:
    """Armoured, binary, without the primary's secret: the primary key names it."""
    with pgp.home() as gpg:
        gpg.make("ed25519", "")
        whole = gpg.run("--export-secret-keys")
        copies = [
            gpg.run("--armor", "--export-secret-keys"),
            gpg.run("--armor", "--export-secret-subkeys"),
            gpg.run("--armor", "--comment", "for the build", "--export-secret-keys"),
        ]
        public = gpg.run("--armor", "--export")
    assert {only(copy).identity for copy in copies} == {only(whole).identity}
    assert [half.public for half in public_halves(public)] == [only(whole).public]


def test_several_pgp_keys_in_one_block_are_several_findings() -> None:
    """As ``gpg --export-secret-keys`` of a whole keyring gives them."""
    with pgp.home() as gpg:
        gpg.make("ed25519", "")
        gpg.make("nistp256", "", name="other <other@test.example>")
        both = gpg.run("--armor", "--export-secret-keys")
    assert [detection.description for detection in found(both)] == ["ed25519", "P-256"]


def test_a_git_crypt_key_is_its_aes_and_hmac_keys() -> None:
    """With or without a name, in the old format too."""
    keys = symmetric.git_crypt_legacy()
    copies = [symmetric.git_crypt_of((0, keys)), symmetric.git_crypt_of((0, keys), name=b"ops")]
    assert [only(copy).identity.reveal() for copy in copies] == [keys, keys]


def test_each_version_of_a_git_crypt_key_is_a_key() -> None:
    """A file may hold several; each opens what was encrypted with it."""
    old, new = symmetric.git_crypt_legacy(), symmetric.git_crypt_legacy()
    detections = found(symmetric.git_crypt_of((0, old), (1, new)))
    assert [detection.identity.reveal() for detection in detections] == [old, new]
    assert [detection.description for detection in detections] == ["default key, version 0", "default key, version 1"]


@pytest.mark.parametrize(
    ("pair", "form"),
    [
        (pairs.rsa, pem.public),
        (pairs.rsa, pem.certificate),
        (pairs.ec, pem.certificate),
        (pairs.ed25519, pem.certificate),
        (pairs.ec, pem.public),
        (pairs.rsa, ssh.public_line),
        (pairs.ec, ssh.public_line),
        (pairs.ed25519, ssh.public_line),
    ],
)
def test_a_public_half_that_lies_about_is_matched(pair, form) -> None:
    """Between other lines, as the same bytes that the private key's detection has."""
    key = pair()
    content = b"# keys of the team\n" + form(key) + b'\nfrom="10.0.0.0/8" ' + form(pairs.ec()) + b"\n"
    first, _second = public_halves(content)
    assert first.public == only(pem.pkcs8(key)).public
    assert form(key).strip().startswith(content[first.start : first.end][:20])


def test_a_recipient_of_age_is_matched() -> None:
    """The identity's recipient stands in a comment above it, and elsewhere."""
    identity = signers.age()
    [half] = public_halves(signers.age_recipient(identity))
    assert half.public == only(identity).public
    assert [one.public for one in public_halves(identity)] == [half.public]


def test_an_rsa_key_without_its_primes_is_the_same_key() -> None:
    """RFC 7518 has them optional in a JSON Web Key."""
    key = pairs.rsa()
    members = json.loads(jwk.jwk(key))
    bare = json.dumps({name: members[name] for name in ("kty", "n", "e", "d")})
    assert only(bare.encode()).identity.reveal() == pairs.public_half(key)


def test_a_store_that_asks_for_many_rounds_is_not_opened() -> None:
    """Trying the empty password on one could take hours, so that it is reported as it stands, at once."""
    assert not only(stores.pkcs12_openssl(None, "", "-iter", "2000")).protected
    store = stores.pkcs12_openssl(None, "", "-iter", "600000")
    begin = time.process_time()
    assert only(store).protected
    assert time.process_time() - begin < 0.1
