"""How bad it is that a key lies where it was found: by its kind, and by whether a passphrase guards it."""

from harden_secrets.material import Detection, Material, Severity

# What opens everything else (all of a repository, a cluster, a vault, a host) comes first; what opens one service next.
_BY_MATERIAL = {
    Material.GIT_CRYPT_KEY: Severity.CRITICAL,
    Material.SSH_PRIVATE_KEY: Severity.CRITICAL,
    Material.WIREGUARD_PRIVATE_KEY: Severity.CRITICAL,
    Material.TLS_PRIVATE_KEY: Severity.CRITICAL,
    Material.PGP_PRIVATE_KEY: Severity.CRITICAL,
    Material.AGE_IDENTITY: Severity.CRITICAL,
    Material.PKCS12: Severity.CRITICAL,
    Material.JAVA_KEYSTORE: Severity.CRITICAL,
    Material.PUTTY_KEY: Severity.CRITICAL,
    Material.KUBECONFIG: Severity.CRITICAL,
    Material.VAULT_TOKEN: Severity.CRITICAL,
    Material.VAULT_UNSEAL_SHARE: Severity.CRITICAL,
    Material.JWT: Severity.MEDIUM,
}
_LOWER = {
    Severity.CRITICAL: Severity.MEDIUM,
    Severity.HIGH: Severity.LOW,
    Severity.MEDIUM: Severity.LOW,
    Severity.LOW: Severity.LOW,
}


def severity_of(detection: Detection) -> Severity:
    """The severity of what was recognised; a passphrase makes it two steps better."""
    worst = detection.severity or _BY_MATERIAL.get(detection.material, Severity.HIGH)
    return _LOWER[worst] if detection.protected else worst
