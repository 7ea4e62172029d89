"""Which reason a miss is told by: what was seen, what earlier looks found, how long the provider has had the record."""

from datetime import datetime, timedelta

from txtproof.core.model import State, Verification
from txtproof.core.observations import Miss
from txtproof.core.reasons import Reason

SEARCH_EVERY, SEARCH_AT = 8, 2
"""The third look is a thorough one, and then every eighth: it asks some ten questions in place of one."""
BATCH = timedelta(minutes=15)
"""How long a provider that has taken a record may take to serve it: some publish in batches."""

_PLAIN = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE, Reason.CNAME})
"""What any look can say."""
_SEARCHED = frozenset({Reason.DOUBLED_NAME, Reason.WRONG_NAME, Reason.WILDCARD_CNAME, Reason.UNSTEADY_ANSWERS})
"""What only a thorough look finds: it stands until the next one."""
_EMPTY = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE})
"""What a name server says before it has the record."""


def is_thorough(v: Verification) -> bool:
    """Say whether the next look searches where the value may stand by mistake."""
    return v.looks % SEARCH_EVERY == SEARCH_AT


def worded(before: Verification, seen: Miss, now: datetime) -> tuple[Reason, str]:
    """Return the reason and its particulars for a miss that was just seen."""
    if seen.reason in _PLAIN and before.reason in _SEARCHED and not is_thorough(before):
        return before.reason, before.detail
    if seen.reason in _EMPTY and before.ledger and now < _published(before) + BATCH:
        return Reason.NOT_YET_SERVED, seen.detail
    return seen.reason, seen.detail


def _published(v: Verification) -> datetime:
    """Return when the provider had taken the record: the row has been in `checking` since."""
    return next((change.time for change in reversed(v.history) if change.state is State.CHECKING), v.accepted)
