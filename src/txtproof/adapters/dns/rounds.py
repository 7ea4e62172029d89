"""The round: once one server serves the value, all of them are asked, at once and over TCP.

A server that said nothing is hardly waited for, for a while: a zone with a dead one costs little more than its slowest
live one. It is asked all the same, and what it says counts: it may be back, without the value.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import dns.name

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import Asker, Heard
from txtproof.adapters.dns.caches import ExpiringCache
from txtproof.adapters.dns.trail import Alias, End, Place
from txtproof.adapters.dns.verdict import WAVERS, Answer, judged, together
from txtproof.adapters.dns.walk import Server
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import MISSES, Reason

MOST_ASKED = 64
"""Servers that must agree: the record's, and those of each alias on the way to it."""
SET_ASIDE = 30.0
"""Seconds for which a server that said nothing is asked last, and is given no more than `BRIEFLY`."""
BRIEFLY = 0.5
"""Seconds."""


class Rounds:
    """Ask all servers of a place, and of each alias that led there."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._silent: ExpiringCache[str, bool] = ExpiringCache()

    def note(self, heard: Sequence[Heard]) -> None:
        """Remember who said nothing."""
        for one in heard:
            self._note(one.server, one.answer)

    def awake(self, servers: Sequence[Server]) -> Sequence[Server]:
        """Return those that are not set aside; all, where there are no others."""
        return [one for one in servers if self.is_awake(one)] or servers

    def is_awake(self, server: Server) -> bool:
        """Say whether a server is not set aside."""
        return not len(self._silent) or self._silent.get(server.address) is None

    async def concluded(self, end: End, passed: Sequence[Alias], look: Look) -> Sight:
        """Return what all servers say, after as many rounds as the look wants; the first that differs counts."""
        places = [end.place, *(one.place for one in passed)]
        asked = sum(len(place.zone.servers) for place in places)
        if asked > MOST_ASKED:
            return Unseen(Reason.CANNOT_SEE, f"{asked} servers would have to be asked for {look.name}: too many"[:200])
        sight: Sight = Match(())
        for _ in range(look.rounds):
            # whoever asks a server that lacks an alias on the way does not come to the record
            aliases = [self._asked(one.place, look, one.target) for one in passed]
            record = self._asked(end.place, look)
            sight = together(await asyncio.gather(record, *aliases)) if aliases else await record
            if not isinstance(sight, Match):
                break
        return _steadied(sight, end.last.answer)

    async def _asked(self, place: Place, look: Look, target: dns.name.Name | None = None) -> Sight:
        """Ask all servers of a place; with `target`, for the alias that leads there."""
        servers = place.zone.servers
        awake = self.awake(servers)
        ask = partial(self._asker.ask_fully, name=place.name, target=target, who=look.thorough or look.rounds > 1)
        if len(awake) == len(servers):
            answers = await ask(servers)
        else:
            asleep = [one for one in servers if one not in awake]
            said = await asyncio.gather(ask(awake), ask(asleep, within=BRIEFLY))
            by_server = dict(zip([*awake, *asleep], [*said[0], *said[1]], strict=True))
            answers = [by_server[server] for server in servers]
        for server, answer in zip(servers, answers, strict=True):
            # to be silent for so short a time says nothing new: soon it is waited for as long as any other
            if answer.failure is not Reason.TIMEOUT or server in awake:
                self._note(server, answer)
        return judged(answers, look, reading.plain(place.name))

    def _note(self, server: Server, answer: Answer) -> None:
        if answer.failure is Reason.TIMEOUT:
            self._silent.put(server.address, value=True, seconds=SET_ASIDE)
        else:
            self._silent.drop(server.address)


def _steadied(sight: Sight, before: Answer) -> Sight:
    """Call it unsteady where the very server that has just served the value does not serve it now (anycast)."""
    if not isinstance(sight, Miss):
        return sight
    again = next((one for one in sight.servers if one.address == before.address), None)
    if again is None or again.outcome not in MISSES:
        return sight
    detail = f"{before.server} ({before.address}) {WAVERS}"
    return Miss(Reason.UNSTEADY_ANSWERS, detail[:200], sight.servers, sight.changes_in, sight.zone)
