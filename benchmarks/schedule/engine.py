"""txtproof's side: the real core decides, on a clock that jumps from look to look."""

from datetime import timedelta
from math import inf

from benchmarks.schedule.worlds import Found, World
from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision, Effect, FindRoute, Look, Publish
from txtproof.core.machine import decide
from txtproof.core.model import Key, State, Verification
from txtproof.core.observations import CodeIssued, Match, Miss, Observation, Published, Routed, Woken
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.testing.clock import START

DOMAIN = "example.test"
PUBLISHER = "provider"
SEARCHED = 6
"""More questions of a thorough look, for a record below its domain: once more, and at five other names."""


class Watch:
    """One verification, from its publication on."""

    def __init__(self, identity: str, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._now = START
        self.questions = 0
        born = admitted(identity, Key(1, 1), Request(DOMAIN), START, policy)
        assert isinstance(born, Decision)
        self._decision = born
        for seen in (CodeIssued("code"), Routed(PUBLISHER, DOMAIN, DOMAIN), Published()):
            self._see(seen)

    @property
    def learned(self) -> timedelta | None:
        """Return what the match has taught of the publisher."""
        return self._decision.served.after if self._decision.served else None

    def run(self) -> Found:
        """Look when the core says so, until it has an end."""
        while not self._row.state.terminal:
            assert self._row.wake is not None, "whoever is not at its end is woken"
            self._now = self._row.wake
            self._see(Woken())
            while self._decision.effect is not None:
                self._see(self._perform(self._decision.effect))
        if self._row.state is not State.VERIFIED:
            return Found(inf, self.questions)
        return Found(self._passed - self._world.everywhere, self.questions)

    @property
    def _row(self) -> Verification:
        return self._decision.verification

    @property
    def _passed(self) -> float:
        return (self._now - START).total_seconds()

    def _see(self, seen: Observation) -> None:
        self._decision = decide(self._row, seen, self._now, self._policy)

    def _perform(self, effect: Effect) -> Observation:
        match effect:
            case FindRoute():
                return Routed(PUBLISHER, DOMAIN, DOMAIN)
            case Publish():
                return Published(changed=False)
            case Look():
                found, asked = self._world.asked(self._passed)
                self.questions += asked + (SEARCHED if effect.thorough and asked == 1 else 0)
                return Match(()) if found else Miss(Reason.NO_SUCH_NAME if asked == 1 else Reason.STALE_SERVER, "", ())
            case _:
                raise AssertionError("nothing else is done while a record is checked")
