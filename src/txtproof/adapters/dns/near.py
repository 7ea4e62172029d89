"""Near misses: where a record stands that was entered at the wrong name, and what answers in its place.

Asked for now and then only, since each takes a question; of one authoritative server, which a look has just heard.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.exception
import dns.name

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import Asker, Heard
from txtproof.adapters.dns.verdict import WAVERS, outcome
from txtproof.adapters.dns.walk import Server, Zone
from txtproof.core.decisions import Look
from txtproof.core.evidence import MATCH
from txtproof.core.observations import Miss
from txtproof.core.reasons import Reason

MISSED = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE, Reason.CNAME})
"""Misses for which there may be a better word."""


def random_label() -> str:
    """Return a label that nobody has made a record for."""
    return f"txtproof-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Near:
    """Look around a name where a look has missed."""

    asker: Asker
    label: Callable[[], str] = random_label

    async def refined(self, miss: Miss, look: Look, zone: Zone, server: Server) -> Miss:
        """Return the miss, with a better word for it where there is one."""
        if miss.reason not in MISSED:
            return miss
        found = await self._steady(look, server)
        if found is None and miss.reason is Reason.CNAME:
            found = await self._wildcard(look, server)
        elif found is None:
            found = await self._elsewhere(look, zone, server)
        if found is None:
            return miss
        reason, detail = found
        return Miss(reason, detail[:200], miss.servers, miss.changes_in, miss.zone)

    async def _steady(self, look: Look, server: Server) -> tuple[Reason, str] | None:
        """Ask once more: behind one address there may be several machines (anycast)."""
        heard = await self._ask(server, look.name)
        if heard is None or outcome(heard.answer, look) != MATCH:
            return None
        return Reason.UNSTEADY_ANSWERS, f"{server.name} ({self.asker.shown(server)}) {WAVERS}"

    async def _wildcard(self, look: Look, server: Server) -> tuple[Reason, str] | None:
        """Tell an alias that somebody made from one that a wildcard makes of every name."""
        targets = [self._target(await self._ask(server, name)) for name in (look.name, self._sibling(look.name))]
        if targets[0] is None or targets[0] != targets[1]:
            return None
        return Reason.WILDCARD_CNAME, f"every name beside {look.name} is an alias of {reading.plain(targets[0])}"

    async def _elsewhere(self, look: Look, zone: Zone, server: Server) -> tuple[Reason, str] | None:
        names = list(dict.fromkeys(_places(look, zone.text)))
        answers = await asyncio.gather(*(self._ask(server, name) for name in names))
        for name, heard in zip(names, answers, strict=True):
            if heard is not None and self._holds(heard, look) and not await self._is_wild(name, look, server):
                doubled = name.startswith(f"{look.name}.")
                return Reason.DOUBLED_NAME if doubled else Reason.WRONG_NAME, f"the code stands at {name}"
        return None

    async def _is_wild(self, name: str, look: Look, server: Server) -> bool:
        heard = await self._ask(server, self._sibling(name))
        return heard is not None and self._holds(heard, look)

    async def _ask(self, server: Server, name: str) -> Heard | None:
        try:
            return await self.asker.ask(server, dns.name.from_text(name))
        except dns.exception.DNSException:
            # some of these names are too long to be any
            return None

    def _sibling(self, name: str) -> str:
        return f"{self.label()}.{name.partition('.')[2]}"

    @staticmethod
    def _holds(heard: Heard, look: Look) -> bool:
        return heard.answer.authoritative and look.expected in heard.answer.values

    @staticmethod
    def _target(heard: Heard | None) -> dns.name.Name | None:
        if heard is None or heard.message is None:
            return None
        return reading.alias(heard.message, heard.message.question[0].name) if heard.message.question else None


def _places(look: Look, zone: str) -> Iterator[str]:
    """Go through the names of the zone at which a record ends up that was meant for another one, likeliest first."""
    name, domain = look.name, look.domain
    # a provider's form adds the zone to what is entered
    yield f"{name}.{zone}"
    yield f"{name}.{domain}"
    label, _, rest = name.partition(".")
    above = domain.partition(".")[2]
    others = [domain, zone, f"www.{domain}"]
    if name != domain:
        others += [rest, f"{label}.www.{domain}", f"{label}.{above}", f"{label.lstrip('_')}.{rest}"]
    yield from (other for other in others if other != name and f".{other}".endswith(f".{zone}"))
