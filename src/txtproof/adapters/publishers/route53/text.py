"""TXT values as Route 53 writes them: quoted strings, whose escapes count in octal and not in decimal as RFC 1035's.

Source: Route 53 Developer Guide, "Supported DNS record types", TXT.
"""

import re

MAX_STRING = 255
"""Octets of one character-string (RFC 1035, 3.3)."""

_PLAIN = {octet: chr(octet) for octet in range(0x20, 0x7F)} | {0x22: r"\"", 0x5C: r"\\"}
_STRINGS = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^\s"]+)', re.DOTALL)
_ESCAPES = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)


def encoded(value: bytes) -> str:
    """Return a value as strings of at most 255 octets, each in quotes."""
    strings = (value[at : at + MAX_STRING] for at in range(0, len(value), MAX_STRING))
    return " ".join(
        '"' + "".join(_PLAIN.get(octet) or f"\\{octet:03o}" for octet in string) + '"' for string in strings
    )


def decoded(text: str) -> bytes:
    """Return the value that a text stands for, its strings joined."""
    strings = (quoted or bare for quoted, bare in _STRINGS.findall(text.encode()))
    return b"".join(_ESCAPES.sub(_octet, string) for string in strings)


def _octet(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8)]) if len(escape[1]) == 3 else escape[1]
