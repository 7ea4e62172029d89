"""Which reason a miss is told by: what was seen, what earlier looks found, how long the provider has had the record."""

from datetime import datetime, timedelta

from txtproof.core.delays import published
from txtproof.core.evidence import ServerView, is_served
from txtproof.core.model import Verification
from txtproof.core.observations import Miss
from txtproof.core.reasons import MISSES, Reason

SEARCH_EVERY = 8
SEARCH_AFTER = timedelta(minutes=2)
"""Every eighth look is a thorough one, of those that come so long after the publication, and every look on command: it
asks up to ten questions in place of one, in vain where the provider is only slow (docs/decisions/0013)."""
BATCH = timedelta(minutes=15)
"""How long a provider that has taken a record may take to serve it: some publish in batches."""

_PLAIN = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE, Reason.CNAME})
"""What any look can say."""
_SEARCHED = frozenset({Reason.DOUBLED_NAME, Reason.WRONG_NAME, Reason.WILDCARD_CNAME, Reason.UNSTEADY_ANSWERS})
"""What only a thorough look finds: it stands until the next one."""
_EMPTY = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE})
"""What a name server says before it has the record."""


def is_thorough(v: Verification, now: datetime) -> bool:
    """Say whether a look now searches where the value may stand by mistake."""
    if v.planned is not None:
        return True
    return v.looks % SEARCH_EVERY == SEARCH_EVERY - 1 and not _is_fresh(v, now, SEARCH_AFTER)


def worded(before: Verification, seen: Miss, now: datetime) -> tuple[Reason, str, tuple[ServerView, ...]]:
    """Return the reason, its particulars and the evidence for a miss that was just seen."""
    if is_served(seen.servers):
        return seen.reason, seen.detail, seen.servers
    if seen.reason in _PLAIN and before.reason in _SEARCHED and not is_thorough(before, now):
        return before.reason, before.detail, seen.servers
    if _is_still_behind(before, seen):
        again = {one.address: one for one in seen.servers}
        return Reason.STALE_SERVER, before.detail, tuple(again.get(one.address, one) for one in before.servers)
    if seen.reason in _EMPTY and before.ledger and not before.ledger[-1].by_hand and _is_fresh(before, now, BATCH):
        return Reason.NOT_YET_SERVED, seen.detail, seen.servers
    return seen.reason, seen.detail, seen.servers


def behind(v: Verification) -> list[str]:
    """Return the addresses of servers that lacked the value when others had it."""
    return [one.address for one in v.servers if one.outcome in MISSES] if v.reason is Reason.STALE_SERVER else []


def _is_still_behind(before: Verification, seen: Miss) -> bool:
    """Say whether nobody was asked but servers that were behind, since what they say decides."""
    return bool(seen.servers) and {one.address for one in seen.servers} <= set(behind(before))


def _is_fresh(v: Verification, now: datetime, within: timedelta) -> bool:
    since = published(v)
    return since is not None and now < since + within
