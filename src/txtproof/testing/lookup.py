"""A judge in memory."""

from collections.abc import Callable, Sequence

from txtproof.core.altered import alteration
from txtproof.core.decisions import Look
from txtproof.core.evidence import ServerView
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import Reason

SERVER, ADDRESS = "ns.memory", "127.0.0.1"


class MemoryLookup:
    """Port `Lookup`: one name server that serves what `view` says of a name (None: there is no such name)."""

    def __init__(self, view: Callable[[str], Sequence[bytes] | None]) -> None:
        self._view = view
        self.blind = False
        """True: nobody answers."""

    async def look(self, look: Look) -> Sight:
        """Look once."""
        if self.blind:
            return Unseen(Reason.TIMEOUT, f"{SERVER}: timeout", (ServerView(SERVER, ADDRESS, Reason.TIMEOUT.value),))
        values = self._view(look.name)
        reason = _reason(values, look)
        outcome = reason.value if reason else "match"
        rcode = "NXDOMAIN" if values is None else "NOERROR"
        servers = (ServerView(SERVER, ADDRESS, outcome, rcode, authoritative=True, values=len(values or ())),)
        return Match(servers) if reason is None else Miss(reason, _detail(reason, rcode, values or (), look), servers)


def _reason(values: Sequence[bytes] | None, look: Look) -> Reason | None:
    if values is None:
        return Reason.NO_SUCH_NAME
    if look.expected in values:
        return None
    if any(value in values for _, value in look.former):
        return Reason.OLD_CODE
    if any(alteration(look.expected, value) for value in values):
        return Reason.ALTERED_VALUE
    return Reason.OTHER_VALUE if values else Reason.NO_TXT


def _detail(reason: Reason, rcode: str, values: Sequence[bytes], look: Look) -> str:
    if reason is not Reason.OLD_CODE:
        return f"{SERVER} answers {rcode}, without the code"
    generation = max(number for number, value in look.former if value in values)
    return f"{SERVER} still serves the code of {f'generation {generation}' if generation else 'a run before this one'}"
