"""Bech32 (BIP 173) without its limit of length, as age uses it."""

_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def decode(text: str) -> tuple[str, bytes] | None:
    """(What stands before the last ``1`` in lower case, the bytes after it); None if the checksum is wrong."""
    if text not in {text.lower(), text.upper()}:
        return None
    prefix, one, digits = text.lower().rpartition("1")
    values = [_VALUES.get(digit, -1) for digit in digits]
    if not one or not prefix or len(values) < _CHECKSUM or -1 in values:
        return None
    if _polymod(_expanded(prefix) + values) != 1:
        return None
    content = _octets(values[:-_CHECKSUM])
    return (prefix, content) if content is not None else None


def _expanded(prefix: str) -> list[int]:
    codes = prefix.encode()
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _octets(values: list[int]) -> bytes | None:
    """Five bits a digit as eight bits a byte; what is left over must be zero and less than a digit."""
    number = 0
    for value in values:
        number = number << 5 | value
    left = len(values) * 5 % 8
    if left >= 5 or number & (1 << left) - 1:
        return None
    return (number >> left).to_bytes(len(values) * 5 // 8, "big")
