"""A world of the public stand-ins, joined: what the publisher writes is what the judge sees, on one clock."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from txtproof.acceptance import Acceptance, Delivery
from txtproof.core.model import Key, State, Step, Verification
from txtproof.core.orders import Order, Refusal, Request
from txtproof.core.policy import Policy
from txtproof.ports import Timeouts, Welcome
from txtproof.testing.clock import ManualClock
from txtproof.testing.lookup import MemoryLookup
from txtproof.testing.publisher import MemoryPublishing
from txtproof.testing.store import MemoryStore
from txtproof.testing.turns import MemoryTurns
from txtproof.testing.upstream import MemoryUpstream
from txtproof.testing.zones import MemoryZones
from txtproof.workflow import Workflow

KEY = Key(42, 7)
DOMAIN = "example.test"
SPF = b"v=spf1 -all"
LEASE = timedelta(seconds=60)
PATIENCE = timedelta(seconds=10)


class World:
    """Everything but the process that works in it: that may be killed and begun anew."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.clock = ManualClock()
        self.zones = MemoryZones(DOMAIN)
        self.zones.put(DOMAIN, 300, SPF)
        self.store = MemoryStore(self.clock, LEASE)
        self.upstream = MemoryUpstream(self.clock.now)
        self.turns = MemoryTurns(self.clock.now)
        self.publishing = MemoryPublishing(self.zones)
        self.lookup = MemoryLookup(self.served)
        self.serving = True
        """False: the name servers serve nothing of ours yet."""
        self.rung: list[Step] = []
        self._ids = (f"id-{number}" for number in itertools.count(1))

    def served(self, name: str) -> Sequence[bytes] | None:
        """Return what the name servers serve."""
        held = self.zones.read(name)
        values = held.values if held else ()
        return [value for value in values if self.serving or value == SPF] or None

    def workflow(self, **parts: Any) -> Workflow:
        """Return a process's workflow; `parts` stand in for what is given here."""
        usual: dict[str, Any] = {
            "store": self.store,
            "upstream": self.upstream,
            "publishing": self.publishing,
            "lookup": self.lookup,
            "turns": self.turns,
        }
        return Workflow(
            **(usual | parts),
            clock=self.clock,
            policy=self.policy,
            timeouts=Timeouts(lease=LEASE),
        )

    async def ring(self, step: Step) -> None:
        """Hear a bell."""
        self.rung.append(step)

    async def take(self, wish: Any, key: Key = KEY, store: Any = None) -> Welcome | Refusal:
        """Accept one order."""
        acceptance = Acceptance(store or self.store, self.policy, lambda: next(self._ids), self.turns)
        (outcome,) = await acceptance.accept([Delivery(Order(key, wish))])
        return outcome

    async def request(self, key: Key = KEY, domain: str | None = DOMAIN, **upstream: Any) -> None:
        """Register a domain with Nexus, and request its verification."""
        self.upstream.register(key, domain, **upstream)
        assert await self.take(Request(domain), key) is Welcome.CREATED

    async def work(self, workflow: Workflow | None = None) -> None:
        """Drain every lane that has work, until none has."""
        process = workflow or self.workflow()
        while due := await self.store.due():
            for step in sorted(due):
                await process.drain(step, self.ring, PATIENCE)

    async def pass_on(self) -> bool:
        """Let time pass to the next due row; return whether there is one."""
        due = self.store.next_due()
        if due is None:
            return False
        self.clock.advance(max(due - self.clock.now(), timedelta(0)))
        return True

    async def run_until(self, state: State, key: Key = KEY) -> Verification:
        """Work, and let time pass, until a verification is in a state."""
        for _ in range(2000):
            await self.work()
            v = await self.verification(key)
            if v.state is state:
                return v
            assert await self.pass_on(), f"nothing is due any more, and {key} is {v.state}: {v.reason}"
        raise AssertionError(f"{key} never became {state}")

    async def run_out(self) -> None:
        """Work, and let time pass, until nothing is due any more."""
        await self.work()
        while await self.pass_on():
            await self.work()

    async def verification(self, key: Key = KEY) -> Verification:
        """Return a verification as it is."""
        found = await self.store.find(key)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        """Return the kinds of all events, in order."""
        return [event.kind.value for event in self.store.outbox]

    def ours(self, name: str = DOMAIN) -> list[str]:
        """Return the values at a name that are not its neighbour's."""
        held = self.zones.read(name)
        return [value.decode() for value in (held.values if held else ()) if value != SPF]

    def neighbours_are_untouched(self) -> bool:
        """Say whether the SPF record and its TTL are what they were."""
        held = self.zones.read(DOMAIN)
        return held is not None and held.ttl == 300 and SPF in held.values
