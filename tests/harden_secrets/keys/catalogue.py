"""Every kind of key file, and what must not be taken for one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from harden_secrets.material import Material
from tests.harden_secrets.keys import jwk, pairs, pem, pgp, signers, ssh, stores, symmetric


@dataclass(frozen=True)
class Kind:
    """One kind: what it must be found as, and what makes a new one. Binary formats begin where the bytes begin."""

    name: str
    material: Material
    make: Callable[[], bytes]
    protected: bool = False

    @property
    def binary(self) -> bool:
        """Whether it is no text."""
        return self.name.startswith(("der-", "pkcs12", "jks", "jceks", "pgp-binary", "git-crypt"))


def _curve(curve: type[ec.EllipticCurve], form: Callable[..., bytes]) -> Callable[[], bytes]:
    return lambda: form(pairs.ec(curve))


def _of(pair: Callable[[], object], form: Callable[..., bytes]) -> Callable[[], bytes]:
    return lambda: form(pair())


TLS, SSH = Material.TLS_PRIVATE_KEY, Material.SSH_PRIVATE_KEY
KINDS = (
    Kind("pkcs1", TLS, pem.traditional),
    Kind("pkcs1-1024", TLS, lambda: pem.traditional(pairs.rsa(1024))),
    Kind("pkcs1-3072", TLS, lambda: pem.traditional(pairs.rsa(3072))),
    Kind("pkcs8-rsa", TLS, pem.pkcs8),
    Kind("pkcs8-ec", TLS, _of(pairs.ec, pem.pkcs8)),
    Kind("pkcs8-p384", TLS, _curve(ec.SECP384R1, pem.pkcs8)),
    Kind("pkcs8-ed25519", TLS, _of(pairs.ed25519, pem.pkcs8)),
    Kind("pkcs8-ed448", TLS, _of(pairs.ed448, pem.pkcs8)),
    Kind("pkcs8-x25519", TLS, _of(pairs.x25519, pem.pkcs8)),
    Kind("pkcs8-x448", TLS, _of(pairs.x448, pem.pkcs8)),
    Kind("pkcs8-dsa", TLS, _of(pairs.dsa, pem.pkcs8)),
    Kind("sec1", TLS, _of(pairs.ec, pem.traditional)),
    Kind("sec1-p521", TLS, _curve(ec.SECP521R1, pem.traditional)),
    Kind("sec1-secp256k1", TLS, _curve(ec.SECP256K1, pem.traditional)),
    Kind("sec1-brainpool", TLS, _curve(ec.BrainpoolP256R1, pem.traditional)),
    Kind("dsa", TLS, _of(pairs.dsa, pem.traditional)),
    Kind("pkcs8-encrypted", TLS, pem.encrypted_pkcs8, protected=True),
    Kind("legacy-encrypted-rsa", TLS, pem.legacy_encrypted, protected=True),
    Kind("legacy-encrypted-ec", TLS, _of(pairs.ec, pem.legacy_encrypted), protected=True),
    Kind("legacy-encrypted-3des", TLS, lambda: pem.legacy_encrypted(None, "des3"), protected=True),
    Kind("der-pkcs8-rsa", TLS, pem.pkcs8_der),
    Kind("der-pkcs8-ec", TLS, _of(pairs.ec, pem.pkcs8_der)),
    Kind("der-pkcs8-p384", TLS, _curve(ec.SECP384R1, pem.pkcs8_der)),
    Kind("der-pkcs8-brainpool", TLS, _curve(ec.BrainpoolP256R1, pem.pkcs8_der)),
    Kind("der-pkcs8-ed25519", TLS, _of(pairs.ed25519, pem.pkcs8_der)),
    Kind("der-pkcs8-ed448", TLS, _of(pairs.ed448, pem.pkcs8_der)),
    Kind("der-pkcs8-x25519", TLS, _of(pairs.x25519, pem.pkcs8_der)),
    Kind("der-pkcs8-x448", TLS, _of(pairs.x448, pem.pkcs8_der)),
    Kind("der-pkcs8-dsa", TLS, _of(pairs.dsa, pem.pkcs8_der)),
    Kind("der-pkcs1", TLS, pem.traditional_der),
    Kind("der-sec1", TLS, _of(pairs.ec, pem.traditional_der)),
    Kind("der-sec1-p384", TLS, _curve(ec.SECP384R1, pem.traditional_der)),
    Kind("der-sec1-p521", TLS, _curve(ec.SECP521R1, pem.traditional_der)),
    Kind("der-encrypted", TLS, pem.encrypted_pkcs8_der, protected=True),
    Kind("openssh-ed25519", SSH, ssh.openssh),
    Kind("openssh-rsa", SSH, partial(ssh.ssh_keygen, "rsa", 2048)),
    Kind("openssh-ecdsa", SSH, partial(ssh.ssh_keygen, "ecdsa", 384)),
    Kind("openssh-dsa", SSH, ssh.openssh_dsa),
    Kind("openssh-encrypted", SSH, ssh.openssh_encrypted, protected=True),
    Kind("ssh.com", SSH, ssh.sshcom),
    Kind("ssh.com-encrypted", SSH, lambda: ssh.sshcom(None, "only for tests"), protected=True),
    Kind("putty-3", Material.PUTTY_KEY, ssh.putty),
    Kind("putty-3-rsa", Material.PUTTY_KEY, _of(pairs.rsa, ssh.putty)),
    Kind("putty-3-ecdsa", Material.PUTTY_KEY, _of(pairs.ec, ssh.putty)),
    Kind("putty-2", Material.PUTTY_KEY, lambda: ssh.putty(None, 2)),
    Kind("putty-3-encrypted", Material.PUTTY_KEY, lambda: ssh.putty(None, 3, "only for tests"), protected=True),
    Kind("putty-2-encrypted", Material.PUTTY_KEY, lambda: ssh.putty(None, 2, "only for tests"), protected=True),
    Kind("pkcs12", Material.PKCS12, stores.pkcs12, protected=True),
    Kind("pkcs12-openssl", Material.PKCS12, stores.pkcs12_openssl, protected=True),
    Kind("pkcs12-open", Material.PKCS12, stores.pkcs12_open),
    Kind("pkcs12-empty-password", Material.PKCS12, stores.pkcs12_empty_password),
    Kind("pkcs12-old-ciphers", Material.PKCS12, lambda: stores.pkcs12_openssl(None, "x", "-legacy"), protected=True),
    Kind("jks", Material.JAVA_KEYSTORE, stores.jks, protected=True),
    Kind("jceks", Material.JAVA_KEYSTORE, stores.jceks, protected=True),
    Kind("pgp-armoured", Material.PGP_PRIVATE_KEY, pgp.armoured),
    Kind("pgp-armoured-rsa", Material.PGP_PRIVATE_KEY, partial(pgp.armoured, "rsa2048")),
    Kind("pgp-armoured-nistp256", Material.PGP_PRIVATE_KEY, partial(pgp.armoured, "nistp256")),
    Kind("pgp-binary", Material.PGP_PRIVATE_KEY, pgp.binary),
    Kind("pgp-binary-rsa", Material.PGP_PRIVATE_KEY, partial(pgp.binary, "rsa2048")),
    Kind("pgp-subkeys-only", Material.PGP_PRIVATE_KEY, pgp.subkeys_only),
    Kind("pgp-protected", Material.PGP_PRIVATE_KEY, pgp.protected, protected=True),
    Kind("git-crypt", Material.GIT_CRYPT_KEY, symmetric.git_crypt),
    Kind("git-crypt-named", Material.GIT_CRYPT_KEY, symmetric.git_crypt_named),
    Kind("openvpn-static", Material.OPENVPN_STATIC_KEY, symmetric.openvpn_static),
    Kind("openvpn-tls-crypt-v2-server", Material.OPENVPN_STATIC_KEY, symmetric.openvpn_tls_crypt_v2_server),
    Kind("openvpn-tls-crypt-v2-client", Material.OPENVPN_STATIC_KEY, symmetric.openvpn_tls_crypt_v2_client),
    Kind("tsig-bind", Material.TSIG_KEY, symmetric.tsig),
    Kind("tsig-knot", Material.TSIG_KEY, symmetric.tsig_knot),
    Kind("tsig-dnssec-keygen", Material.TSIG_KEY, symmetric.tsig_dnssec_keygen),
    Kind("age", Material.AGE_IDENTITY, signers.age),
    Kind("minisign", Material.MINISIGN_KEY, signers.minisign),
    Kind("minisign-encrypted", Material.MINISIGN_KEY, signers.minisign_encrypted, protected=True),
    Kind("signify", Material.SIGNIFY_KEY, signers.signify),
    Kind("jwk-ec", Material.JWK, jwk.jwk),
    Kind("jwk-rsa", Material.JWK, _of(pairs.rsa, jwk.jwk)),
    Kind("jwk-ed25519", Material.JWK, _of(pairs.ed25519, jwk.jwk)),
    Kind("jwk-x25519", Material.JWK, _of(pairs.x25519, jwk.jwk)),
    Kind("jwk-symmetric", Material.JWK, jwk.jwk_symmetric),
)
# Public or encrypted: never a finding.
HARMLESS: dict[str, Callable[[], bytes]] = {
    "public key": pem.public,
    "certificate": pem.certificate,
    "certificate in DER": lambda: pem.certificate(encoding=Encoding.DER),
    "certificate of an RSA key": lambda: pem.certificate(pairs.rsa(), Encoding.DER),
    "certificate request": pem.request,
    "line of authorized_keys": ssh.public_line,
    "truststore in PKCS#12": stores.pkcs12_truststore,
    "truststore of Java": stores.jks_truststore,
    "public key of OpenPGP": pgp.public,
    "message of OpenPGP": pgp.message,
    "recipient of age": lambda: signers.age_recipient(signers.age()),
    "public key of minisign": signers.minisign_public,
    "public key of signify": lambda: signers.signify_pair()[1],
    "public JSON Web Key": jwk.jwk_public,
    "public JSON Web Key, RSA": lambda: jwk.jwk_public(pairs.rsa()),
}
