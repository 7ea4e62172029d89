"""A stateful machine that drives `decide` as a worker does, and crashes between any effect and its commit."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.rows import KEY, NOW
from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision, Effect, FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.events import TERMINAL_EVENTS
from txtproof.core.machine import decide
from txtproof.core.model import Record, State
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    Cancel,
    CheckNow,
    CodeIssued,
    Match,
    Miss,
    Observation,
    Published,
    Resume,
    Routed,
    Unreachable,
    Unseen,
    Withdrawn,
    Woken,
)
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason

DOMAIN = "example.test"
NEIGHBOUR = "v=spf1 -all"


class Crashes(RuleBasedStateMachine):
    """One verification, a Nexus that kills the old code with every call, a zone with a neighbour, and a judge."""

    @initialize(records=st.sampled_from(["keep", "withdraw"]), lifetime=st.integers(20, 4000))
    def begin(self, records: str, lifetime: int) -> None:
        self.policy = Policy(records=records)  # type: ignore[arg-type]  # one of the two
        self.lifetime = timedelta(seconds=lifetime)
        self.now = NOW
        self.zone = {NEIGHBOUR}
        self.live = ""
        self.expires = NOW
        self.codes = 0
        self.routed = True
        self.serving = True
        self.terminal = 0
        born = admitted("v-1", KEY, Request(DOMAIN), NOW, self.policy)
        assert isinstance(born, Decision)
        self.stored = born.verification

    @rule(seconds=st.one_of(st.integers(0, 30), st.integers(60, 90_000)))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(routed=st.booleans())
    def the_route_comes_and_goes(self, routed: bool) -> None:
        self.routed = routed

    @rule(serving=st.booleans())
    def the_servers_serve_or_not(self, serving: bool) -> None:
        self.serving = serving

    @rule(command=st.sampled_from([Cancel(), CheckNow(), Resume()]))
    def a_command_arrives(self, command: Observation) -> None:
        if isinstance(command, Cancel) and self.now < NOW + timedelta(hours=1):
            return  # or hardly any run would come far
        self._commit(decide(self.stored, command, self.now, self.policy))

    @precondition(lambda self: self.stored.wake is not None)
    @rule(
        steps=st.integers(0, 8),
        trouble=st.sampled_from([None, None, None, "lost", "unreachable", "blocked", "blind"]),
        late=st.booleans(),
    )
    def a_worker_visits_and_may_crash(self, steps: int, trouble: str | None, late: bool) -> None:
        """Go so many steps; then crash, `late`: after the effect and before its commit."""
        assert self.stored.wake is not None
        self.now = max(self.now, self.stored.wake)
        decision = decide(self.stored, Woken(), self.now, self.policy)
        for _ in range(steps):
            if decision.effect is None:
                self._commit(decision)
                return
            self._commit(decision)
            seen = self._perform(decision.effect, trouble)
            trouble = None
            decision = decide(self.stored, seen, self.now, self.policy)
        if late and decision.effect is not None:
            self._commit(decision)
            self._perform(decision.effect, None)

    def _commit(self, decision: Decision) -> None:
        self.stored = decision.verification
        self.terminal += sum(event.kind in TERMINAL_EVENTS for event in decision.events)

    def _perform(self, effect: Effect, trouble: str | None) -> Observation:
        if trouble == "unreachable" and not isinstance(effect, Look):
            return Unreachable(Reason.PUBLISHER_UNREACHABLE)
        if trouble == "blocked" and not isinstance(effect, Look):
            return Blocked(Reason.PUBLISHER_AUTH)
        answer = self._done(effect)
        if trouble == "lost" and isinstance(effect, RequestCode | Publish | Withdraw):
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE)
        return Unseen(Reason.TIMEOUT, "") if trouble == "blind" and isinstance(effect, Look) else answer

    def _done(self, effect: Effect) -> Observation:
        match effect:
            case RequestCode():
                self.codes += 1
                self.live, self.expires = f"code-{self.codes}", self.now + self.lifetime
                return CodeIssued(self.live, self.expires, DOMAIN, self.now)
            case FindRoute(name=name):
                return Routed("corp", DOMAIN, name) if self.routed else Blocked(Reason.NO_ROUTE)
            case Publish(record=record, replaces=replaces):
                assert self._in_ledger(record)
                self.zone = (self.zone - set(replaces)) | {record.value}
                assert self.zone == {NEIGHBOUR, record.value}, "one value of ours, and no neighbour's"
                return Published()
            case Withdraw(record=record):
                assert record.value != NEIGHBOUR
                self.zone -= {record.value}
                return Withdrawn()
            case Look(expected=expected):
                there = self.serving and expected.decode() in self.zone
                return Match(()) if there else Miss(Reason.NO_TXT, "", ())

    def _in_ledger(self, record: Record) -> bool:
        return any(line == record for line in self.stored.ledger)

    @invariant()
    def the_neighbour_stands(self) -> None:
        assert not hasattr(self, "zone") or NEIGHBOUR in self.zone

    @invariant()
    def everything_of_ours_is_in_the_ledger(self) -> None:
        if hasattr(self, "stored"):
            assert self.zone - {NEIGHBOUR} <= {line.value for line in self.stored.ledger}

    @invariant()
    def it_ends_once_and_verified_only_by_the_live_code(self) -> None:
        if not hasattr(self, "stored"):
            return
        assert self.terminal == int(self.stored.state.terminal)
        if self.stored.state is State.VERIFIED and self.stored.step is None and self.policy.records == "keep":
            assert self.zone == {NEIGHBOUR, self.live}

    def teardown(self) -> None:
        """Whatever happened: left alone, it ends, and what is left over goes."""
        if not hasattr(self, "stored"):
            return
        self.routed = self.serving = True
        for _ in range(200):
            if self.stored.wake is None:
                break
            self.a_worker_visits_and_may_crash(steps=20, trouble=None, late=False)
        assert self.stored.state.terminal
        kept = self.stored.state is State.VERIFIED and self.policy.records == "keep"
        if self.now < self.stored.deadline + self.policy.longest_deadline:
            assert self.zone == ({NEIGHBOUR, self.live} if kept else {NEIGHBOUR})


TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(max_examples=150, stateful_step_count=40)
