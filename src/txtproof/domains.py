"""Domain names as people and Nexus write them, read into what DNS compares: A-labels, lower case, no trailing dot."""

import re
import unicodedata
from functools import cache
from ipaddress import ip_address

import idna
from publicsuffixlist import PublicSuffixList

from txtproof.core.names import MAX_NAME

SHOWN = 60
"""Characters of a refused text that its message shows."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadDomain(ValueError):
    """The text is not a domain that can be verified; the message says in one sentence what is wrong with it."""


def parse_domain(text: str) -> str:
    """Return the domain in A-labels, lower case, without trailing dot (UTS 46 mapping, then IDNA 2008, RFC 5891).

    Raises BadDomain, and nothing else. A public suffix is one of the list's ICANN section; that of an unknown
    top-level domain is the top-level domain itself, so that `example.test` passes.
    """
    _refuse_at_sight(text)
    mapped = _mapped(text)
    _refuse_address(mapped, text)
    labels = mapped.split(".")
    if not all(labels):
        raise BadDomain(f"{_shown(text)} has an empty label")
    if "_" in mapped:
        raise BadDomain(f"{_shown(text)} has an underscore: a record's name may have one, a domain may not")
    domain = _encoded(mapped, text)
    if len(labels) == 1:
        raise BadDomain(f"{_shown(text)} has a single label: write the whole domain, such as example.com")
    if _suffixes().is_public(domain):
        raise BadDomain(f"{_shown(text)} is a public suffix: nobody can prove to control it")
    return domain


def registrable(name: str) -> str:
    """Return the part of a name that somebody can register: the public suffix and a label; else the name itself."""
    return _suffixes().privatesuffix(name) or name


def _refuse_at_sight(text: str) -> None:
    if not text:
        raise BadDomain("the domain is empty")
    if len(text.removesuffix(".")) > MAX_NAME:
        raise BadDomain(f"{_shown(text)} is longer than {MAX_NAME} characters")
    if any(character.isspace() for character in text):
        raise BadDomain(f"{_shown(text)} has a blank in it")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise BadDomain(f"{_shown(text)} has a control character in it")


def _mapped(text: str) -> str:
    try:
        # std3_rules off: the underscore has a message of its own, and IDNA 2008 refuses the rest
        mapped = idna.uts46_remap(text, std3_rules=False)
    except UnicodeError:
        raise BadDomain(f"{_shown(text)} has a character that no domain may have") from None
    return mapped.removesuffix(".")


def _refuse_address(mapped: str, text: str) -> None:
    # a name whose last label is a number would be taken for an IPv4 address elsewhere (RFC 1123, 2.1)
    if _is_address(mapped) or _NUMBER.fullmatch(mapped.rpartition(".")[2]):
        raise BadDomain(f"{_shown(text)} is an IP address, not a domain")


def _is_address(text: str) -> bool:
    try:
        ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _encoded(mapped: str, text: str) -> str:
    try:
        encoded = idna.encode(mapped, strict=True).decode("ascii")
        canonical = idna.encode(idna.decode(encoded, strict=True), strict=True).decode("ascii")
    except UnicodeError:
        raise BadDomain(f"{_shown(text)} is not a lawful domain name under IDNA 2008") from None
    if encoded != canonical:
        raise BadDomain(f"{_shown(text)} has an A-label that no U-label leads to")
    return encoded


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)
