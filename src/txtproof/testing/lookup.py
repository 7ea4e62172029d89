"""A judge in memory."""

from collections.abc import Callable, Sequence

from txtproof.core.decisions import Look
from txtproof.core.evidence import ServerView
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import Reason


class MemoryLookup:
    """Port `Lookup`: one name server that serves what `view` says of a name (None: there is no such name)."""

    def __init__(self, view: Callable[[str], Sequence[bytes] | None]) -> None:
        self._view = view
        self.blind = False
        """True: nobody answers."""

    async def look(self, look: Look) -> Sight:
        """Look once."""
        if self.blind:
            return Unseen(Reason.TIMEOUT, "nobody answers")
        values = self._view(look.name)
        reason = _reason(values, look)
        outcome = reason.value if reason else "match"
        rcode = "NXDOMAIN" if values is None else "NOERROR"
        servers = (ServerView("ns.memory", "127.0.0.1", outcome, rcode, authoritative=True, values=len(values or ())),)
        return Match(servers) if reason is None else Miss(reason, f"ns.memory answers {rcode}", servers)


def _reason(values: Sequence[bytes] | None, look: Look) -> Reason | None:
    if values is None:
        return Reason.NO_SUCH_NAME
    if look.expected in values:
        return None
    if any(value in values for _, value in look.former):
        return Reason.OLD_CODE
    return Reason.OTHER_VALUE if values else Reason.NO_TXT
