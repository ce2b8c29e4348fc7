"""Private keys in DER without any armour: a file, a field of a Secret or what base64 undone gives begins with one."""

from collections.abc import Iterator

from harden_secrets.detect import der
from harden_secrets.detect.privatekey import private_key
from harden_secrets.detect.surroundings import pair_material
from harden_secrets.material import Detection, Detector, Signature, Surroundings


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """The key that the content begins with."""
    if content[:1] != b"\x30":
        return
    found = private_key(content)
    if found is not None:
        end = der.read(content[:16]).end
        yield found.detection(pair_material(surroundings), 0, min(end, len(content)))


# Bytes that cannot be missing, and that chance does not write, in base64 neither: version and algorithm of PKCS#8,
# lengths and versions of the others. RSA keys of unusual sizes are looked for at the start of a blob only.
_PKCS8 = (
    "020100300d06092a864886f70d01010105",  # RSA
    "020100300b06092a864886f70d01010a04",  # RSA, for PSS alone
    "020100301306072a8648ce3d0201",  # P-256, P-192
    "020100301006072a8648ce3d0201",  # P-384, P-521, secp256k1, P-224
    "020100301406072a8648ce3d0201",  # Brainpool
    "300506032b657004220420",  # Ed25519
    "300506032b656e04220420",  # X25519
    "300506032b6571043b0439",  # Ed448
    "300506032b656f043a0438",  # X448
    "06072a8648ce380401",  # DSA
    "06092a864886f70d01050d30",  # encrypted: PBES2
    "06092a864886f70d01050330",  # encrypted: MD5 and DES
    "060a2a864886f70d010c01",  # encrypted: the ciphers of PKCS#12
)
_SEC1 = ("30770201010420", "3081a40201010430", "3081dc0201010442", "30310201010420", "30740201010420")
_PKCS1 = ("02010002818100", "0201000282010100", "0201000282018100", "0201000282020100", "0201000282040100")
_OTHER_SIZES = Signature(rb"\A\x30\x82[\x00-\xff]{2}\x02\x01\x00\x02[\x40-\x82]", literal=False, encoded=False)

DETECTOR = Detector(
    "der",
    (*(Signature(bytes.fromhex(octets)) for octets in (*_PKCS8, *_SEC1, *_PKCS1)), _OTHER_SIZES),
    detect,
)
