"""Key stores of Java, JKS and JCEKS (OpenJDK, ``sun.security.provider.JavaKeyStore``): private entries only.

Each private key is encrypted, its certificates are not: these tell whose it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harden.printable import printable
from harden_secrets.confidential import Confidential
from harden_secrets.detect.certificate import certified_key
from harden_secrets.detect.recognised import Recognised
from harden_secrets.detect.sshwire import CutOffError, Reader
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_JKS, _JCEKS = b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"
_PRIVATE, _TRUSTED, _SECRET = 1, 2, 3
_VERSIONS = (b"\0\0\0\x01", b"\0\0\0\x02")
_MOST_ENTRIES = 1024
_MOST_CERTIFICATES = 64


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """One detection for each private or secret entry; a store of certificates alone is none."""
    if content[:4] not in {_JKS, _JCEKS} or content[4:8] not in _VERSIONS:
        return
    walk = _Walk(Reader(content[8:]), content[7])
    try:
        for found in walk.entries():
            yield found.detection(Material.JAVA_KEYSTORE, 0, len(content))
    except CutOffError:
        return  # what came before was whole


@dataclass(slots=True)
class _Walk:
    reader: Reader = field(repr=False)
    version: int

    def entries(self) -> Iterator[Recognised]:
        for _ in range(min(self.reader.number(), _MOST_ENTRIES)):
            tag, alias = self.reader.number(), self._utf()
            self.reader.octets(8)  # when it was made
            if tag == _PRIVATE:
                yield self._private(alias)
            elif tag == _TRUSTED:
                self._certificate()
            else:
                if tag == _SECRET and self.reader.octets(4) == b"\xac\xed\0\x05":  # a serialised Java object
                    sealed = Confidential(self.reader.rest())
                    yield Recognised(sealed, f'secret key "{printable(alias)}"', protected=True)
                return

    def _private(self, alias: str) -> Recognised:
        encrypted = self.reader.string()
        count = self.reader.number()
        if count > _MOST_CERTIFICATES or encrypted[:1] != b"\x30":
            raise CutOffError
        chain = [self._certificate() for _ in range(count)]
        description = f'entry "{printable(alias)}"'
        public = certified_key(chain[0]) if chain else None
        if public is None:
            return Recognised(Confidential(encrypted), description, protected=True)
        return Recognised.locked(public, description)

    def _certificate(self) -> bytes:
        if self.version == 2:
            self._utf()  # X.509
        return self.reader.string()

    def _utf(self) -> str:
        return self.reader.octets(int.from_bytes(self.reader.octets(2), "big")).decode("utf-8", "replace")


DETECTOR = Detector(
    "java-keystore",
    (
        Signature(_JKS + b"\0\0\0\x02\0\0", encoded=True),
        Signature(_JCEKS + b"\0\0\0\x02\0\0", encoded=True),
        Signature(rb"\A(?:\xfe\xed\xfe\xed|\xce\xce\xce\xce)\x00\x00\x00\x01", literal=False, encoded=False),
    ),
    detect,
)
