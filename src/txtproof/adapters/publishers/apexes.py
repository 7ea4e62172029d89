"""What publishers say of their zones' name servers: asked once for all who want it, and remembered for a while."""

import asyncio
import time
from collections.abc import Mapping

from txtproof.core.names import canonical
from txtproof.ports import Apex

WITHIN = 1.5
"""Seconds: what is not said by then is not known."""
REMEMBERED = 300.0
FORGOTTEN = 30.0
"""Seconds after which it is asked for again; the second, where it was not said."""


class Apexes:
    """Ask the publishers that know; at most one answer is kept for each zone."""

    def __init__(self, publishers: Mapping[str, Apex]) -> None:
        self._publishers = dict(publishers)
        self._asked: dict[tuple[str, str], tuple[float, asyncio.Task[frozenset[str]]]] = {}

    async def name_servers(self, publisher: str, zone: str) -> frozenset[str]:
        """Return the names of a zone's name servers as its provider has them; none where it does not say."""
        knows = self._publishers.get(publisher)
        if knows is None:
            return frozenset()
        place = publisher, zone
        until, asked = self._asked.get(place, (0.0, None))
        if asked is None or (asked.done() and until <= time.monotonic()):
            asked = asyncio.create_task(self._put(knows, place))
            self._asked[place] = 0.0, asked
        # whoever is cancelled takes it from nobody else
        return await asyncio.shield(asked)

    async def aclose(self) -> None:
        """End what is under way."""
        under_way = [asked for _, asked in self._asked.values() if not asked.done()]
        for asked in under_way:
            asked.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _put(self, knows: Apex, place: tuple[str, str]) -> frozenset[str]:
        try:
            async with asyncio.timeout(WITHIN):
                said = await knows.name_servers(place[1])
        except TimeoutError:
            said = None
        found = frozenset(map(canonical, said or ()))
        until = time.monotonic() + (REMEMBERED if found else FORGOTTEN)
        self._asked[place] = until, self._asked[place][1]
        return found
