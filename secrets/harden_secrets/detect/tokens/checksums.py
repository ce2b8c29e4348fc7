"""The checksums that issuers put into their tokens, so that one can tell a token from a text that looks like one."""

import base64
import hashlib
import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def base62_crc32(body: str) -> str:
    """The last six characters of GitHub's and npm's tokens: CRC-32 of what stands between prefix and checksum.

    Source: GitHub's engineering blog, "Behind GitHub's new authentication token formats", 2021.
    """
    return _in_base(zlib.crc32(body.encode()), _BASE62, 6)


def base36_crc32(body: str) -> str:
    """The last seven characters of GitLab's routable tokens: CRC-32 of all before them (its RoutableTokenGenerator)."""
    return _in_base(zlib.crc32(body.encode()), _BASE36, 7)


def little_endian_crc32(body: str) -> str:
    """The last eight digits of Grafana's service account tokens: CRC-32 of prefix and secret (its satokengen)."""
    return zlib.crc32(body.encode()).to_bytes(4, "little").hex()


def base32_sha256(body: str) -> str:
    """Eight characters of GitHub's fine-grained tokens, over the 77 before them."""
    return base64.b32encode(hashlib.sha256(body.encode()).digest())[:8].decode()


def _in_base(number: int, digits: str, width: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number, len(digits))
        text = digits[rest] + text
    return text.rjust(width, digits[0])
