"""What every store keeps to: the stand-in in memory, Valkey, and Redis 7.0 where it is installed."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
import redis

from tests.waiting import wait_until
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision
from txtproof.core.delays import KEPT, Served, learned
from txtproof.core.events import Event
from txtproof.core.model import Key, Record, State, Step, Verification
from txtproof.core.observations import Attach, Cancel, CheckNow, CleanUp, Command, Forget, Release, Resume
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.transitions import to_blocked, to_end, unblocked
from txtproof.core.values import replace
from txtproof.ports import Arrival, Commit, Outcome, Register, Row, Store, Welcome
from txtproof.rehearsal.valkey import free_port
from txtproof.testing.clock import ManualClock
from txtproof.testing.store import MemoryStore

KEY = Key(42, 7)
LEASE = timedelta(milliseconds=300)
MILLISECOND = timedelta(milliseconds=1)


class Passing(Protocol):
    """Let that much time pass, by the store's clock."""

    async def __call__(self, by: timedelta) -> None: ...


@dataclass(frozen=True)
class Bench:
    """A store under test, what is read of it, and how its time passes."""

    store: Store
    other: Store
    """The same, as another worker has it."""
    register: Register
    passing: Passing

    async def now(self) -> datetime:
        return await self.store.now()

    async def newborn(self, identity: str = "v-1", key: Key = KEY) -> tuple[Verification, tuple[Event, ...]]:
        born = admitted(identity, key, Request("example.test"), await self.now(), Policy())
        assert isinstance(born, Decision)
        return born.verification, born.events

    async def create(self, identity: str = "v-1", key: Key = KEY) -> Verification:
        child = await self.newborn(identity, key)
        assert await self.store.accept([Arrival(key, Attach(), child)]) == [Welcome.CREATED]
        found = await self.register.find(key)
        assert found is not None
        return found

    async def tell(self, command: Command, key: Key = KEY) -> Welcome:
        (welcome,) = await self.store.accept([Arrival(key, command)])
        return welcome

    async def claim(self, step: Step = Step.REQUEST_CODE, limit: int = 10) -> tuple[Row, ...]:
        return (await self.store.claim(step, limit)).rows

    async def commit(self, row: Row, v: Verification | None = None, number: int = 1, **more: object) -> Outcome:
        (outcome,) = await self.store.commit([Commit(row, number, v or row.verification, **more)])  # type: ignore[arg-type]  # its own fields
        return outcome

    async def events(self) -> int:
        return len([event async for event in self.register.events(follow=False)])


@pytest.fixture(scope="session")
def old_redis() -> Iterator[str]:
    """Debian's Redis, the oldest kind that is promised to do."""
    program = shutil.which("redis-server")
    if program is None:
        missing = "redis-server is not installed: apt-get install redis-server"
        if os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    port = free_port()
    with tempfile.TemporaryDirectory() as directory, (Path(directory) / "log").open("wb") as log:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            with redis.Redis(port=port) as client:
                wait_until(lambda: _answers(client), "Redis to start")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture(params=["memory", "valkey", "redis"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        clock = ManualClock()
        memory = MemoryStore(clock, LEASE)

        async def jump(by: timedelta) -> None:
            clock.advance(by)

        yield Bench(memory, memory.as_worker("other"), memory, jump)
        return
    url: str = request.getfixturevalue("redis_url" if request.param == "valkey" else "old_redis")
    async with open_redis(url) as client:
        await client.flushall()
        store = RedisStore(client, encode, LEASE)

        async def wait(by: timedelta) -> None:
            until = await store.now() + by
            while await store.now() <= until:
                await asyncio.sleep(0.005)

        yield Bench(store, RedisStore(client, encode, LEASE, worker="other"), RedisRegister(client), wait)


async def test_a_claimed_row_is_leased_and_not_gone(bench: Bench) -> None:
    v = await bench.create()
    (row,) = await bench.claim()
    assert (row.verification, row.claims, row.inbox) == (v, 1, ())
    assert await bench.claim() == ()
    assert await bench.store.due() == frozenset()
    assert await bench.register.find(KEY) == v


async def test_a_row_whose_holder_does_not_come_back_is_claimed_again_with_a_higher_fence(bench: Bench) -> None:
    await bench.create()
    (first,) = await bench.claim()
    await bench.passing(LEASE)
    (second,) = await bench.claim()
    assert second.fence > first.fence
    assert second.claims == 2


async def test_a_row_that_was_claimed_before_travels_alone(bench: Bench) -> None:
    await bench.create()
    await bench.claim()
    await bench.passing(LEASE)
    for number in range(1, 4):
        await bench.create(f"v-{number}", Key(1, number))
    sizes = [len(await bench.claim()) for _ in range(2)]
    assert sorted(sizes) == [1, 3]


async def test_only_what_is_due_is_claimed_the_longest_due_first(bench: Bench) -> None:
    for number in (3, 1, 2):
        await bench.create(f"v-{number}", Key(1, number))
        await bench.passing(2 * MILLISECOND)
    assert [row.verification.key.domain_id for row in await bench.claim(limit=2)] == [3, 1]
    (last,) = await bench.claim()
    later = replace(last.verification, wake=await bench.now() + LEASE)
    assert await bench.commit(last, later) is Outcome.COMMITTED
    assert await bench.claim() == ()
    await bench.passing(LEASE + MILLISECOND)
    assert len(await bench.claim(limit=1)) == 1


async def test_a_row_is_never_due_before_its_time(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    wake = await bench.now() + timedelta(milliseconds=50, microseconds=1)
    await bench.commit(row, replace(row.verification, wake=wake))
    while not (claimed := await bench.store.claim(Step.REQUEST_CODE, 1)).rows:
        await bench.passing(MILLISECOND)
    assert claimed.now >= wake


async def test_a_commit_under_an_old_fence_changes_nothing(bench: Bench) -> None:
    v = await bench.create()
    (frozen,) = await bench.claim()
    await bench.passing(LEASE)
    (holder,) = await bench.claim()
    events = await bench.events()
    late = replace(frozen.verification, detail="late")
    assert await bench.commit(frozen, late, events=(await bench.newborn())[1]) is Outcome.FENCED
    assert await bench.register.find(KEY) == v
    assert await bench.events() == events
    assert await bench.commit(holder) is Outcome.COMMITTED


async def test_a_commit_that_comes_twice_counts_once(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    told = (await bench.newborn())[1]
    before = await bench.events()
    assert await bench.commit(row, events=told) is Outcome.COMMITTED
    assert await bench.commit(row, events=told) is Outcome.APPLIED
    assert await bench.events() == before + 1


async def test_after_the_last_commit_of_a_visit_its_fence_is_worth_nothing(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    await bench.commit(row)
    assert await bench.commit(row, number=2) is Outcome.FENCED


async def test_a_commit_in_the_middle_keeps_the_lease(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    changed = replace(row.verification, detail="intent")
    assert await bench.commit(row, changed, keep_lease=True) is Outcome.COMMITTED
    assert await bench.claim() == ()
    assert await bench.register.find(KEY) == changed
    await bench.passing(LEASE)
    (again,) = await bench.claim()
    assert (again.claims, again.verification) == (2, changed)


async def test_a_commit_moves_the_row_between_lanes(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    moved = replace(row.verification, state=State.PUBLISHING, step=Step.PUBLISH_RECORD, wake=await bench.now())
    await bench.commit(row, moved)
    assert await bench.store.due() == {Step.PUBLISH_RECORD}
    assert await bench.claim() == ()
    (there,) = await bench.claim(Step.PUBLISH_RECORD)
    assert (there.verification, there.claims) == (moved, 1)
    await bench.commit(there, to_end(moved, State.VERIFIED, await bench.now(), None, ""))
    await bench.passing(LEASE)
    assert await bench.store.due() == frozenset()


async def test_a_command_waits_in_the_inbox_and_makes_an_idle_row_due(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    await bench.commit(row, replace(row.verification, wake=await bench.now() + timedelta(days=1)))
    deadline = await bench.now() + timedelta(days=9, microseconds=123)
    commands = (Cancel(), CheckNow(), Resume(), Release(), Attach(deadline, "example.test", "signup-1"))
    for command in commands:
        assert await bench.tell(command) is Welcome.ATTACHED
    (heard,) = await bench.claim()
    assert heard.inbox == commands


async def test_a_command_that_is_repeated_waits_once(bench: Bench) -> None:
    await bench.create()
    for _ in range(3):
        await bench.tell(Cancel())
    (row,) = await bench.claim()
    assert row.inbox == (Cancel(),)


async def test_a_visit_removes_what_it_has_read_and_no_more(bench: Bench) -> None:
    await bench.create()
    await bench.tell(Resume())
    (row,) = await bench.claim()
    later = replace(row.verification, wake=await bench.now() + timedelta(days=1))
    assert await bench.commit(row, later, keep_lease=True, heard=1) is Outcome.COMMITTED
    await bench.tell(Cancel())
    assert await bench.claim() == (), "the row is still under lease"
    assert await bench.commit(row, later, 2) is Outcome.COMMITTED
    (again,) = await bench.claim()
    assert again.inbox == (Cancel(),), "what came during the visit makes the row due at once"
    await bench.commit(again, later, heard=1)
    assert await bench.claim() == ()


async def test_a_visit_that_dies_leaves_its_commands_to_the_next(bench: Bench) -> None:
    await bench.create()
    await bench.tell(Cancel())
    await bench.claim()
    await bench.passing(LEASE)
    (row,) = await bench.claim()
    assert row.inbox == (Cancel(),)


async def test_what_a_commit_has_learned_joins_the_latest_of_its_publisher_once(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    assert await bench.store.delays() == {}
    served = Served("corp", timedelta(seconds=1))
    for outcome in (Outcome.COMMITTED, Outcome.APPLIED):
        assert await bench.commit(row, keep_lease=True, served=served) is outcome
    assert await bench.store.delays() == {"corp": learned([served.after])}
    delays = [timedelta(milliseconds=number) for number in range(2, KEPT + 9)]
    for number, delay in enumerate(delays, 2):
        await bench.commit(row, number=number, keep_lease=True, served=Served("corp", delay))
    await bench.commit(row, number=99, served=Served("other", timedelta(days=30)))
    assert await bench.commit(row, number=100, served=served) is Outcome.FENCED
    expected = {"corp": learned(delays[-KEPT:]), "other": learned([timedelta(days=30)])}
    assert await bench.store.delays() == expected


async def test_a_newborn_that_comes_twice_is_created_once(bench: Bench) -> None:
    child = await bench.newborn()
    arrival = Arrival(KEY, Attach(), child)
    assert await bench.store.accept([arrival]) == [Welcome.CREATED]
    assert await bench.store.accept([arrival]) == [Welcome.CREATED]
    assert await bench.events() == 1
    (row,) = await bench.claim()
    assert row.inbox == ()


async def test_a_second_request_attaches(bench: Bench) -> None:
    v = await bench.create()
    other = await bench.newborn("v-2")
    assert await bench.store.accept([Arrival(KEY, Attach(domain="example.test"), other)]) == [Welcome.ATTACHED]
    assert await bench.register.find(KEY) == v
    assert await bench.events() == 1


async def test_a_command_says_what_it_did_not_find(bench: Bench) -> None:
    assert await bench.tell(Cancel()) is Welcome.NOT_FOUND
    await bench.create()
    (row,) = await bench.claim()
    await bench.commit(row, to_end(row.verification, State.FAILED, await bench.now(), None, ""))
    assert await bench.tell(Cancel()) is Welcome.ENDED


async def test_a_new_run_follows_an_ended_one_and_inherits_its_ledger(bench: Bench) -> None:
    v = await bench.create()
    (row,) = await bench.claim()
    record = Record("corp", "example.test", "example.test", "code-1", generation=3)
    told = replace(row.verification, ledger=(record,), sequence=7)
    await bench.commit(row, to_end(told, State.VERIFIED, await bench.now(), None, ""))
    heir = await bench.create("v-2")
    assert heir.id == "v-2"
    assert heir.ledger == (replace(record, generation=0),)
    assert heir.sequence == 7 + v.sequence
    (again,) = await bench.claim()
    assert (again.claims, again.fence > row.fence) == (1, True)
    assert await bench.commit(row) is Outcome.FENCED


async def test_a_withdrawal_of_the_old_run_gives_way_to_the_new_one(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    ended = replace(
        to_end(row.verification, State.CANCELLED, await bench.now(), None, ""),
        step=Step.WITHDRAW_RECORD,
        wake=await bench.now(),
    )
    await bench.commit(row, ended)
    assert await bench.store.due() == {Step.WITHDRAW_RECORD}
    await bench.create("v-2")
    assert await bench.store.due() == {Step.REQUEST_CODE}
    assert await bench.claim(Step.WITHDRAW_RECORD) == ()


async def test_many_arrivals_are_answered_in_their_order(bench: Bench) -> None:
    born = [await bench.newborn(f"v-{number}", Key(1, number)) for number in (1, 2)]
    arrivals = [
        Arrival(Key(1, 1), Attach(), born[0]),
        Arrival(Key(1, 9), Cancel()),
        Arrival(Key(1, 1), Cancel()),
        Arrival(Key(1, 2), Attach(), born[1]),
    ]
    expected = [Welcome.CREATED, Welcome.NOT_FOUND, Welcome.ATTACHED, Welcome.CREATED]
    assert await bench.store.accept(arrivals) == expected
    assert await bench.store.accept([]) == []
    assert await bench.store.commit([]) == []


async def test_an_audit_finds_nothing_where_nothing_is_lost(bench: Bench) -> None:
    await bench.create()
    await bench.claim()
    assert await bench.store.audit() == 0


async def test_the_register_lists_by_state(bench: Bench) -> None:
    for number in range(1, 6):
        await bench.create(f"v-{number}", Key(1, number))
    rows = await bench.claim(limit=2)
    for row in rows:
        await bench.commit(row, to_end(row.verification, State.FAILED, await bench.now(), None, ""))
    everything = [v.key.domain_id async for v in bench.register.list()]
    assert sorted(everything) == [1, 2, 3, 4, 5]
    assert len([v async for v in bench.register.list(State.FAILED)]) == 2
    assert [v async for v in bench.register.list(State.VERIFIED)] == []
    assert await bench.register.find(Key(9, 9)) is None


async def test_what_a_dead_process_held_is_due_again_for_its_own_worker(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    assert await bench.other.recover(Step.REQUEST_CODE) == 0, "another worker may be at it"
    assert await bench.store.recover(Step.PUBLISH_RECORD) == 0, "another lane has a process of its own"
    assert await bench.claim() == ()
    assert await bench.store.recover(Step.REQUEST_CODE) == 1
    (again,) = await bench.claim()
    assert again.claims == 2
    assert await bench.commit(row) is Outcome.FENCED
    await bench.commit(again)
    assert await bench.store.recover(Step.REQUEST_CODE) == 0, "it is not held any more"


async def test_what_is_handed_back_counts_as_no_claim(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    assert await bench.store.recover(Step.REQUEST_CODE, blameless=True) == 1
    assert await bench.commit(row) is Outcome.FENCED, "what was handed back is not the holder's any more"
    (again,) = await bench.claim()
    assert again.claims == 1


async def test_a_row_that_only_waits_for_its_turn_keeps_the_claims_that_came_to_nothing(bench: Bench) -> None:
    await bench.create()
    await bench.claim()
    await bench.passing(LEASE)
    for _ in range(2):
        (row,) = await bench.claim()
        assert row.claims == 2, "this one came to an end"
        assert await bench.commit(row, in_line=True) is Outcome.COMMITTED
    assert await bench.commit(row, in_line=True) is Outcome.APPLIED
    assert await bench.commit(row, number=2) is Outcome.FENCED, "it has let go"
    assert await bench.store.recover(Step.REQUEST_CODE) == 0
    (row,) = await bench.claim()
    assert await bench.commit(row) is Outcome.COMMITTED
    (row,) = await bench.claim()
    assert row.claims == 1, "it has come further"


async def test_a_command_makes_a_row_due_that_waits_for_its_turn_with_claims_that_came_to_nothing(bench: Bench) -> None:
    await bench.create()
    await bench.claim()
    await bench.passing(LEASE)
    (row,) = await bench.claim()
    assert await bench.tell(Cancel()) is Welcome.ATTACHED
    assert await bench.claim() == (), "it is held"
    later = replace(row.verification, wake=await bench.now() + LEASE)
    await bench.commit(row, later, in_line=True, heard=1)
    assert await bench.claim() == ()
    assert await bench.tell(Cancel()) is Welcome.ATTACHED
    assert [(row.claims, row.inbox) for row in await bench.claim()] == [(2, (Cancel(),))]


async def test_what_another_worker_has_by_now_is_not_recovered(bench: Bench) -> None:
    await bench.create()
    await bench.claim()
    await bench.passing(LEASE)
    (theirs,) = (await bench.other.claim(Step.REQUEST_CODE, 1)).rows
    assert await bench.store.recover(Step.REQUEST_CODE) == 0
    assert await bench.claim() == ()
    (outcome,) = await bench.other.commit([Commit(theirs, 1, theirs.verification)])
    assert outcome is Outcome.COMMITTED


async def test_what_is_left_to_its_lease_is_not_recovered(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    await bench.store.leave([row])
    assert await bench.store.recover(Step.REQUEST_CODE) == 0
    await bench.passing(LEASE)
    assert len(await bench.claim()) == 1


async def test_what_is_parked_is_listed_until_it_is_released(bench: Bench) -> None:
    await bench.create()
    (row,) = await bench.claim()
    parked = to_blocked(row.verification, await bench.now(), row.verification.deadline, Reason.POISON, "")
    await bench.commit(row, parked)
    assert await bench.register.parked() == [KEY]
    assert await bench.claim() == ()
    assert await bench.tell(Release()) is Welcome.ATTACHED
    (again,) = await bench.claim()
    assert again.inbox == (Release(),)
    await bench.commit(again, unblocked(parked, await bench.now()), heard=1)
    assert await bench.register.parked() == []


LINE = Record("corp", "example.test", "example.test", "code-1", generation=1)


async def ended(bench: Bench, state: State, *, to_do: bool = False) -> Verification:
    """Leave a verification that has ended with one record, in the lane where that is removed or in none."""
    await bench.create()
    (row,) = await bench.claim()
    over = to_end(replace(row.verification, ledger=(LINE,)), state, await bench.now(), None, "")
    later = await bench.now() + timedelta(days=1)
    await bench.commit(row, replace(over, step=Step.WITHDRAW_RECORD, wake=later) if to_do else over)
    found = await bench.register.find(KEY)
    assert found is not None
    return found


async def test_what_is_to_go_and_is_in_no_lane_is_left_over(bench: Bench) -> None:
    assert await bench.register.left_over() == []
    await ended(bench, State.CANCELLED)
    assert await bench.register.left_over() == [KEY]


@pytest.mark.parametrize(("state", "to_do"), [(State.VERIFIED, False), (State.CANCELLED, True)])
async def test_what_is_kept_or_being_removed_is_not_left_over(bench: Bench, state: State, to_do: bool) -> None:
    await ended(bench, state, to_do=to_do)
    assert await bench.register.left_over() == []


@pytest.mark.parametrize("command", [CleanUp(), Forget()])
@pytest.mark.parametrize(
    ("state", "to_do"), [(State.CANCELLED, False), (State.CANCELLED, True), (State.VERIFIED, False)]
)
async def test_a_command_for_what_has_ended_makes_it_due_where_records_are_removed(
    bench: Bench, command: Command, state: State, to_do: bool
) -> None:
    v = await ended(bench, state, to_do=to_do)
    assert [await bench.tell(command) for _ in range(2)] == [Welcome.ATTACHED] * 2
    assert await bench.register.left_over() == []
    (row,) = await bench.claim(Step.WITHDRAW_RECORD)
    assert (row.verification, row.inbox) == (v, (command,))
    busy = replace(v, step=Step.WITHDRAW_RECORD, wake=await bench.now())
    assert await bench.commit(row, busy, keep_lease=True, heard=1) is Outcome.COMMITTED
    assert await bench.claim(Step.WITHDRAW_RECORD) == (), "it is still under lease"
    assert await bench.commit(row, replace(busy, step=None, wake=None), 2) is Outcome.COMMITTED
    assert await bench.register.left_over() == ([KEY] if state is State.CANCELLED else [])
    await bench.passing(LEASE)
    assert await bench.store.due() == frozenset()


async def test_a_command_for_what_has_ended_says_what_it_found_instead(bench: Bench) -> None:
    assert await bench.tell(CleanUp()) is Welcome.NOT_FOUND
    v = await bench.create()
    assert await bench.tell(CleanUp()) is Welcome.ACTIVE
    (row,) = await bench.claim()
    assert (row.inbox, row.verification) == ((), v)


async def test_a_command_that_comes_while_records_are_removed_waits_for_the_next_visit(bench: Bench) -> None:
    v = await ended(bench, State.CANCELLED)
    await bench.tell(CleanUp())
    (row,) = await bench.claim(Step.WITHDRAW_RECORD)
    assert await bench.tell(Forget()) is Welcome.ATTACHED
    assert await bench.claim(Step.WITHDRAW_RECORD) == ()
    later = replace(v, step=Step.WITHDRAW_RECORD, wake=await bench.now() + timedelta(days=1))
    await bench.commit(row, later, heard=1)
    (again,) = await bench.claim(Step.WITHDRAW_RECORD)
    assert again.inbox == (Forget(),)


async def test_a_new_run_takes_over_what_was_left_over(bench: Bench) -> None:
    await ended(bench, State.CANCELLED)
    heir = await bench.create("v-2")
    assert await bench.register.left_over() == []
    assert [(line.value, line.superseded) for line in heir.ledger] == [("code-1", True)]
