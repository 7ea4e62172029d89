"""A record that somebody has to write: it is told once for each code, whatever comes in between."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.core.rows import BY_HAND, DOMAIN, NOW, POLICY, ROUTED, by_hand, checking, publishing, requested, seen
from txtproof.core.checking import REPAIR_EVERY
from txtproof.core.decisions import Decision, Effect, FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.events import Event, EventKind
from txtproof.core.machine import decide
from txtproof.core.model import State, Verification
from txtproof.core.observations import (
    Attach,
    Blocked,
    Cancel,
    CheckNow,
    CodeIssued,
    Left,
    Miss,
    Observation,
    Poisoned,
    Published,
    Release,
    Required,
    Resume,
    Woken,
)
from txtproof.core.reasons import Reason
from txtproof.core.wording import worded

MISS = Miss(Reason.NO_SUCH_NAME, "NXDOMAIN", ())
NO_ROUTE = Blocked(Reason.NO_ROUTE, "no zone")
TELLING = EventKind.RECORD_REQUIRED


def test_the_event_says_what_to_write_and_where() -> None:
    (event,) = seen(publishing(), BY_HAND, Required()).events
    assert event.kind is TELLING
    told = {name: event.data[name] for name in ("publisher", "zone", "name", "type", "value", "ttl")}
    assert told == {
        "publisher": "customers",
        "zone": "",
        "name": DOMAIN,
        "type": "TXT",
        "value": "code-1",
        "ttl": POLICY.record_ttl,
    }
    assert (event.data["state"], event.data["generation"]) == ("checking", 1)
    assert "code-1" not in repr(event), "an event that is logged by mistake shows no code"


def test_neither_a_repair_nor_a_person_has_it_told_again() -> None:
    for between in ([], [Poisoned(6), Release()], [Resume()], [CheckNow()], [MISS] * 8, [Attach()]):
        decision = seen(by_hand(), *between, BY_HAND, Required())
        assert (TELLING in kinds(decision), decision.verification.state) == (False, State.CHECKING)


def test_a_new_code_is_told_anew() -> None:
    v = by_hand()
    assert v.code is not None
    later = v.code.expires
    again = CodeIssued("code-2", later + timedelta(hours=30), DOMAIN)
    decision = seen(v, Woken(), again, BY_HAND, Required(), now=later)
    assert [event.data["value"] for event in decision.events if event.kind is TELLING] == ["code-2"]


def test_where_the_route_has_changed_to_a_person_the_repair_tells() -> None:
    decision = seen(checking(), BY_HAND, Required())
    assert kinds(decision) == [TELLING]
    assert isinstance(decision.effect, Look)
    assert kinds(seen(decision.verification, BY_HAND, Required())) == []


def test_where_a_publisher_writes_now_nobody_has_to() -> None:
    v = seen(by_hand(), ROUTED, Published()).verification
    assert [(line.publisher, line.by_hand, line.superseded) for line in v.ledger] == [
        ("customers", True, True),
        ("corp", False, False),
    ]


def test_what_somebody_wrote_is_left_to_them_and_not_told_as_removed() -> None:
    decision = seen(by_hand(), Cancel())
    v = decision.verification
    assert v.wake is not None
    withdrawing = decide(v, Woken(), v.wake, POLICY)
    assert isinstance(withdrawing.effect, Withdraw)
    after = decide(v, Left(), v.wake, POLICY)
    assert (after.events, after.verification.step, after.verification.ledger) == ((), None, ())


def test_nothing_is_called_slow_where_a_person_has_yet_to_write_it() -> None:
    reason, detail, _ = worded(by_hand(), MISS, NOW)
    assert (reason, detail) == (Reason.NO_SUCH_NAME, "NXDOMAIN")
    assert worded(checking(), MISS, NOW)[0] is Reason.NOT_YET_SERVED


def kinds(decision: Decision) -> list[EventKind]:
    return [event.kind for event in decision.events]


class Life:
    """A verification that only people write records for, and workers that may die after any commit."""

    def __init__(self) -> None:
        self.v: Verification = requested()
        self.now: datetime = NOW
        self.events: list[Event] = []
        self.codes = 0

    def visit(self, first: Observation, *, routed: bool, dies_after: int) -> None:
        """Visit it as a worker does, which dies after so many commits."""
        decision = decide(self.v, first, self.now, POLICY)
        for _ in range(dies_after):
            self.v = decision.verification
            self.events += decision.events
            if decision.effect is None:
                return
            decision = decide(self.v, self._answer(decision.effect, routed=routed), self.now, POLICY)

    def _answer(self, effect: Effect, *, routed: bool) -> Observation:
        match effect:
            case RequestCode():
                self.codes += 1
                return CodeIssued(f"code-{self.codes}", self.now + timedelta(hours=30), DOMAIN)
            case FindRoute():
                return BY_HAND if routed else NO_ROUTE
            case Publish():
                return Required()
            case Withdraw():
                return Left()
            case Look():
                return MISS
        raise AssertionError(effect)


EVERY_REPAIR = REPAIR_EVERY + 1
"""So many looks that miss in a row, and there was a repair."""
COMMANDS = st.sampled_from([Woken(), Resume(), Release(), CheckNow(), Attach(), Poisoned(6)])
TURNS = st.tuples(
    COMMANDS, st.timedeltas(timedelta(0), timedelta(hours=20)), st.booleans(), st.sampled_from([1, 2, 3, 9, 9])
)


@given(st.lists(TURNS, max_size=12))
def test_it_is_told_exactly_once_for_each_code_that_is_looked_for(
    turns: list[tuple[Observation, timedelta, bool, int]],
) -> None:
    life = Life()
    for command, passed, routed, dies_after in turns:
        life.now += passed
        life.visit(command, routed=routed, dies_after=dies_after)
        for _ in range(EVERY_REPAIR):
            life.now = max(life.now, life.v.wake or life.now)
            life.visit(Woken(), routed=routed, dies_after=dies_after)
        told = [event for event in life.events if event.kind is TELLING]
        assert max(Counter(event.data["generation"] for event in told).values(), default=0) <= 1
        assert len({event.data["value"] for event in told}) == len(told)
        if life.v.state is State.CHECKING:
            assert life.v.code is not None
            assert told[-1].data["generation"] == life.v.generation
            assert told[-1].data["value"] == life.v.code.value


def test_such_a_life_goes_through_codes_blocks_and_repairs() -> None:
    """What is proved above is proved of something."""
    life = Life()
    for hour in range(120):
        life.now = NOW + timedelta(hours=hour)
        life.visit(Woken(), routed=hour not in range(30, 40), dies_after=3 if hour % 7 else 9)
    told = [event.data["generation"] for event in life.events if event.kind is TELLING]
    assert told == [1, 2, 3, 4]
    assert {EventKind.BLOCKED, EventKind.RESUMED, EventKind.CHECKED} < {event.kind for event in life.events}
