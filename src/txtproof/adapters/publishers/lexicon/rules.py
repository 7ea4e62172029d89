"""Which of lexicon's providers are taken, and what holds for each: what its code does to other values, read there.

Where a provider is not on the list, nobody has read its code for that.
"""

import re
from dataclasses import dataclass

from txtproof.ports import Capability

TEXT = re.compile(rb"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
"""Printable ASCII without quotes, backslashes, and blanks at an end or beside each other: no provider alters that."""
LONGEST = 255
"""Bytes of a value: more takes several strings (RFC 1035, 3.3), which each provider of lexicon cuts in its own way."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for one provider."""

    capability: Capability
    apex: str | None = ""
    """What it calls the zone's own name: empty for just that, None where it cannot write there."""
    by_id: bool = False
    """A value is deleted by its id: by content it would be compared without case."""
    alone: str = ""
    """Why it is refused where other values stand."""
    folds_case: bool = False
    """It takes two values that differ in case alone for one."""

    @property
    def guarded(self) -> bool:
        """Say whether other values are written with ours, so that they must be looked after."""
        return self.capability is not Capability.PER_VALUE

    @property
    def whole_zone(self) -> bool:
        """Say whether the TXT sets of other names are written too."""
        return self.capability is Capability.WHOLE_ZONE


_VALUES, _SETS, _ZONES = Capability.PER_VALUE, Capability.READ_MODIFY_WRITE, Capability.WHOLE_ZONE

RULES = {
    "cloudflare": Rule(_VALUES, by_id=True),
    "digitalocean": Rule(_VALUES, apex="@", by_id=True, folds_case=True),
    "hetzner": Rule(_VALUES, apex="@", by_id=True),
    "ovh": Rule(_VALUES, by_id=True),
    "powerdns": Rule(_SETS),
    "googleclouddns": Rule(_SETS),
    "azure": Rule(_SETS, apex="@", alone="cuts long values anew"),
    "gandi": Rule(_SETS, apex="@", alone="takes the quotes off values"),
    "godaddy": Rule(_ZONES, apex="@", alone="writes all TXT records of the zone anew"),
    "flexibleengine": Rule(_SETS, alone="deletes the whole set for one value"),
    "linode": Rule(_VALUES, apex=None, by_id=True, alone="takes no notice of their TTL"),
    "vultr": Rule(_VALUES, apex=None, by_id=True),
}
REFUSED = {
    "namecheap": "it writes the whole zone anew and drops the mail settings",
    "duckdns": "it cannot say which values stand, and has room for one",
    "ddns": "it cannot read values back: the kind rfc2136 does this",
    "route53": "it changes the TTL of other values, and its calls have no time limit: the kind route53 does this",
}
"""Providers that would break the promise whatever stands at the name."""


def rule_of(provider: str) -> Rule:
    """Return what holds for a provider. Raises ValueError where it is not taken."""
    if provider in REFUSED:
        raise ValueError(f"{provider} is not taken: {REFUSED[provider]}")
    if provider not in RULES:
        raise ValueError(f"{provider[:60]!r} is not on the list: write one of {', '.join(RULES)}")
    return RULES[provider]


def fits(value: bytes) -> bool:
    """Say whether a value comes out of every provider as it went in."""
    return len(value) <= LONGEST and TEXT.fullmatch(value) is not None
