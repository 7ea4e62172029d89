r"""What Cloudflare's field `content` of a TXT record says, and how a value is written there.

A content in quotes is a list of character-strings as a zone file has them, with `\"`, `\\` and `\DDD` (RFC 1035, 5.1),
and stands for their bytes, joined. One without quotes was saved like that by an older client: it is the value itself.
"""

import re

MAX_STRING = 255
"""Octets of one character-string (RFC 1035, 3.3)."""
MAX_VALUE = 4080
"""Bytes: with a length octet for each string, that makes the 4,096 octets that a record may have."""

_STRING = r'"((?:[^"\\]|\\.)*)"'
_QUOTED = re.compile(rf"(?:\s*{_STRING})+\s*", re.DOTALL)
_PIECE = re.compile(r"\\([0-9]{3})|\\(.)|([^\\]+)", re.DOTALL)


def content_of(value: bytes) -> str:
    """Write a value, whatever its bytes are, as character-strings in quotes."""
    strings = (value[at : at + MAX_STRING] for at in range(0, len(value), MAX_STRING))
    return " ".join(f'"{"".join(map(_written, string))}"' for string in strings)


def value_of(content: str) -> bytes:
    """Read a content: the bytes that are served, joined. Never fails: what is no list of strings is taken as it is."""
    if not _QUOTED.fullmatch(content):
        return _octets(content)
    try:
        return b"".join(map(_read, re.findall(_STRING, content, re.DOTALL)))
    except ValueError:
        return _octets(content)


def _written(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{octet:c}"
    return chr(octet) if 0x20 <= octet <= 0x7E else f"\\{octet:03d}"


def _read(string: str) -> bytes:
    """Read what stands between two quotes. Raises ValueError where a number is no octet."""
    return b"".join(
        bytes([int(number)]) if number else _octets(escaped or plain)
        for number, escaped, plain in _PIECE.findall(string)
    )


def _octets(text: str) -> bytes:
    # JSON can hold half of a surrogate pair, which no encoding of Unicode can
    return text.encode("utf-8", "surrogatepass")
