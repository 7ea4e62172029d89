"""Domain names as sequences of labels: comparing, routing by suffix, filling templates. A-labels only, no IDNA here."""

from collections.abc import Iterable

MAX_NAME = 253
"""Characters of a name in text, without the trailing dot (RFC 1035, 2.3.4: 255 octets on the wire)."""
MAX_LABEL = 63


def canonical(name: str) -> str:
    """Return the name in lower case and without its trailing dot (RFC 4343: case does not matter)."""
    return name.lower().removesuffix(".")


def labels(name: str) -> tuple[str, ...]:
    """Return the labels of a name, leftmost first; the root has none."""
    bare = canonical(name)
    return tuple(bare.split(".")) if bare else ()


def is_below(name: str, zone: str) -> bool:
    """Say whether the name is the zone's apex or lies below it, label by label."""
    inner, outer = labels(name), labels(zone)
    return len(inner) >= len(outer) and inner[len(inner) - len(outer) :] == outer


def ancestors(name: str) -> list[str]:
    """Return the name and every name above it, longest first, without the root."""
    parts = labels(name)
    return [".".join(parts[start:]) for start in range(len(parts))]


def longest_suffix(name: str, zones: Iterable[str]) -> str | None:
    """Return the zone with the most labels that the name lies in; None where there is none."""
    return max((zone for zone in zones if is_below(name, zone)), key=lambda zone: len(labels(zone)), default=None)


def fits(name: str) -> bool:
    """Say whether the name's lengths are lawful: labels of 1 to 63 characters, 253 in all (RFC 1035, 2.3.4)."""
    return 0 < len(canonical(name)) <= MAX_NAME and all(0 < len(label) <= MAX_LABEL for label in labels(name))


def fill(template: str, **words: str) -> str:
    """Put the words in the place of `{word}`; nothing else in the template has a meaning."""
    for word, text in words.items():
        template = template.replace("{" + word + "}", text)
    return template
