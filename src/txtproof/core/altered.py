"""What people and their providers' forms make of a value on its way: recognised, never accepted. Pure."""

import re

QUOTES = "\"'`´‘’‚“”„«»‹›"  # noqa: RUF001  # these are what is looked for
LONGEST_MORE = 200
"""Bytes by which an altered value may be longer: nobody is to have us read through 64 KiB of theirs."""
SHORTEST = 8
"""Characters that a part of a value must have to be called one."""

_BLANKS = re.compile(r"[\s\u200b\u200c\u200d\u2060\ufeff]+")
"""What shows as nothing; some editors add characters of no width."""
_QUOTES = re.compile(rf"\\*[{QUOTES}]")
"""Some providers keep the backslash as well."""


def alteration(expected: bytes, found: bytes) -> str | None:
    """Say in a few words how a value differs that was meant to be the expected one; None where it was not, or is it."""
    if expected == found or len(found) > len(expected) + LONGEST_MORE:
        return None
    wanted, seen = (value.decode(errors="replace") for value in (expected, found))
    bare, bare_seen = _bare(wanted), _bare(seen)
    if min(len(bare), len(bare_seen)) < SHORTEST:
        return None
    if bare_seen == bare:
        return " and ".join(_differences(wanted, seen)) or "characters that do not show"
    if re.fullmatch(rf"[a-z0-9_.-]+[=:]{re.escape(bare)}", bare_seen):
        return "a name before it"
    if re.fullmatch(rf"[a-z0-9_.-]+[=:]{re.escape(bare_seen)}", bare):
        return "nothing of what belongs before the `=`"
    return None


def _bare(text: str) -> str:
    return _QUOTES.sub("", _BLANKS.sub("", text)).lower()


def _differences(wanted: str, seen: str) -> list[str]:
    """Name what the two have not alike; there is no more between them."""
    kinds = (("quotes", _QUOTES), ("blanks", _BLANKS))
    found = [name for name, pattern in kinds if len(pattern.findall(wanted)) != len(pattern.findall(seen))]
    case = _BLANKS.sub("", _QUOTES.sub("", wanted)) != _BLANKS.sub("", _QUOTES.sub("", seen))
    return [*found, *(["another case"] if case else [])]
