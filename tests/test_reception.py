"""Where commands come in: each ends in the store or is set aside with its reason, and nothing stops the intake."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from txtproof.acceptance import Acceptance
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.command_stream import GROUP, SHOWN, CommandStream
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.machine import decide
from txtproof.core.model import Key, State, Step
from txtproof.core.observations import Cancel
from txtproof.core.policy import Policy
from txtproof.ports import Commit, StoreUnavailable
from txtproof.reception import Letter, Reception
from txtproof.rehearsal.valkey import EmbeddedValkey
from txtproof.testing.clock import START
from txtproof.testing.turns import MemoryTurns

DATA = {"organizationId": 42, "domainId": 7, "domain": "example.test"}
KEY = Key(42, 7)
SOON, HOUR = timedelta(milliseconds=50), timedelta(hours=1)


class House:
    """A reception on a real store, and what became of what was sent there."""

    def __init__(self, redis: Redis, worker: str = "a", idle: timedelta = timedelta(0)) -> None:
        self.redis = redis
        store = RedisStore(redis, encode)
        ids = iter(f"{worker}-{number}" for number in range(1000))
        acceptance = Acceptance(store, Policy(), lambda: next(ids), MemoryTurns(lambda: START))
        self.reception = Reception(acceptance, CommandStream(redis, worker, idle))
        self.register = RedisRegister(redis)
        self.rung: list[Step] = []

    async def ring(self, step: Step) -> None:
        self.rung.append(step)

    async def send(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.redis.xadd("txtproof:commands", {"event": body})

    async def receive(self) -> int:
        """Take in all there is; the first read of all makes the group, and brings nothing."""
        came = 0
        for _ in range(2):
            came += await self.reception.receive(100, SOON, self.ring)
        return came

    async def rejected(self) -> list[tuple[bytes, dict[str, Any]]]:
        entries: Any = await self.redis.xrange("txtproof:rejected")
        return [(fields[b"event"], json.loads(fields[b"problem"])) for _, fields in entries]

    async def unacknowledged(self) -> int:
        pending: Any = await self.redis.xpending("txtproof:commands", GROUP)
        return int(pending["pending"])


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[House]:
    async with open_redis(redis_url) as redis:
        yield House(redis)


def event(kind: str, **members: Any) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "type": f"com.txtproof.verification.{kind}.v1",
            "source": "/tests",
            "id": "1",
            "data": {"organizationId": 42, "domainId": 7},
            **members,
        }
    ).encode()


async def test_a_command_is_stored_acknowledged_and_its_lane_is_rung(house: House) -> None:
    await house.send(json.dumps(DATA).encode())
    assert await house.receive() == 1
    found = await house.register.find(KEY)
    assert found is not None
    assert (found.state, found.domain) == (State.REQUESTED, "example.test")
    assert house.rung == [Step.REQUEST_CODE]
    assert await house.unacknowledged() == 0
    assert await house.rejected() == []


@pytest.mark.parametrize(
    ("body", "reason", "status"),
    [
        (b"hello", "not_json", 400),
        (b"\xff\x00", "not_json", 400),
        (b"", "not_json", 400),
        (b'{"organizationId": "42", "domainId": 7}', "wrong_type", 400),
        (b'{"organizationId": 42, "domainId": 7, "domain": ".."}', "bad_domain", 400),
        (event("cancel"), "not_found", 404),
        (event("resume"), "not_found", 404),
        (event("request", specversion="2.0"), "unknown_specversion", 400),
        (b'{"organizationId": 42, "domainId": 7, "deadline": "2001-01-01T00:00:00Z"}', "bad_deadline", 400),
    ],
)
async def test_what_is_refused_is_set_aside_whole_with_its_problem(
    house: House, body: bytes, reason: str, status: int
) -> None:
    await house.send(body)
    assert await house.receive() == 1
    ((kept, problem),) = await house.rejected()
    assert kept == body
    assert problem["type"] == f"urn:txtproof:problem:{reason}"
    assert problem["status"] == status
    assert problem["detail"]
    assert await house.unacknowledged() == 0
    assert await house.register.find(KEY) is None


async def test_a_megabyte_is_cut_at_the_limit_and_stops_nobody(house: House) -> None:
    await house.send(b"x" * 1_000_000, json.dumps(DATA).encode())
    assert await house.receive() == 2
    ((kept, problem),) = await house.rejected()
    assert len(kept) == SHOWN
    assert problem["status"] == 413
    assert await house.register.find(KEY) is not None


async def test_an_entry_without_the_field_is_set_aside(house: House) -> None:
    await house.redis.xadd("txtproof:commands", {"body": "{}"})
    assert await house.receive() == 1
    ((kept, problem),) = await house.rejected()
    assert (kept, problem["title"]) == (b"", "not json")


async def test_bad_ones_among_good_ones_hold_up_none(house: House) -> None:
    good = [json.dumps(DATA | {"domainId": number}).encode() for number in range(1, 21)]
    await house.send(*[body for pair in zip(good, [b"?"] * 20, strict=True) for body in pair])
    assert await house.receive() == 40
    assert len([v async for v in house.register.list()]) == 20
    assert len(await house.rejected()) == 20
    assert await house.unacknowledged() == 0


async def test_the_same_command_twice_joins_the_verification_under_way(house: House) -> None:
    await house.send(json.dumps(DATA).encode(), json.dumps(DATA).encode())
    assert await house.receive() == 2
    found = await house.register.find(KEY)
    assert found is not None
    assert found.id == "a-0"
    assert await house.rejected() == []


async def test_a_command_for_one_that_has_ended_is_told_so(house: House) -> None:
    await house.send(json.dumps(DATA).encode(), event("cancel"))
    await house.receive()
    store = RedisStore(house.redis, encode)
    claimed = await store.claim(Step.REQUEST_CODE, 10)
    (row,) = claimed.rows
    ended = decide(row.verification, Cancel(), claimed.now, Policy())
    await store.commit([Commit(row, 1, ended.verification)])
    await house.send(event("resume"))
    await house.receive()
    ((_, problem),) = await house.rejected()
    assert (problem["status"], problem["title"]) == (409, "ended")


async def test_what_a_worker_read_and_never_stored_is_taken_in_by_another(house: House) -> None:
    await house.send(json.dumps(DATA).encode(), b"?")
    dead = CommandStream(house.redis, "dead", idle=timedelta(0))
    assert await dead.read(100, SOON) == []
    assert len(await dead.read(100, SOON)) == 2
    assert await house.receive() == 2
    assert await house.register.find(KEY) is not None
    assert len(await house.rejected()) == 1
    assert await house.unacknowledged() == 0


async def test_two_workers_take_each_command_in_once(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await share(House(redis, "a", HOUR), House(redis, "b", HOUR))


async def share(house: House, other: House) -> None:
    await house.receive()
    await house.send(*[json.dumps(DATA | {"domainId": number}).encode() for number in range(1, 201)])
    taken = 0
    async with asyncio.timeout(20):
        while taken < 200:
            taken += sum(
                await asyncio.gather(
                    house.reception.receive(10, SOON, house.ring), other.reception.receive(10, SOON, other.ring)
                )
            )
    assert len([v async for v in house.register.list()]) == 200
    assert await house.redis.xlen("txtproof:events") == 200, "one `accepted` each"
    assert await house.unacknowledged() == 0


async def test_a_store_that_is_away_loses_no_command() -> None:
    with EmbeddedValkey() as server:
        async with open_redis(server.url) as redis:
            house = House(redis)
            await house.receive()
            await house.send(json.dumps(DATA).encode())
            server.kill()
            with pytest.raises(StoreUnavailable):
                await house.reception.receive(10, SOON, house.ring)
            with pytest.raises(StoreUnavailable):
                await house.reception.hear((), DATA, house.ring)
            assert house.rung == []
            server.start()
            assert await house.receive() == 1
            assert await house.register.find(KEY) is not None


async def test_what_the_store_would_not_take_is_taken_in_as_soon_as_it_does() -> None:
    with EmbeddedValkey() as server:
        async with open_redis(server.url) as redis:
            house = House(redis, idle=HOUR)
            await house.receive()
            await house.send(json.dumps(DATA).encode())
            await redis.acl_setuser("default", commands=["-evalsha"])
            with pytest.raises(StoreUnavailable):
                await house.reception.receive(10, SOON, house.ring)
            await redis.acl_setuser("default", commands=["+evalsha"])
            assert await house.receive() == 1
            assert await house.register.find(KEY) is not None


# The Celery task's arguments


async def test_the_celery_task_is_heard_like_a_message(house: House) -> None:
    await house.reception.hear((), DATA, house.ring)
    found = await house.register.find(KEY)
    assert found is not None
    assert found.domain == "example.test"
    assert house.rung == [Step.REQUEST_CODE]


@pytest.mark.parametrize(
    ("args", "members", "title"),
    [
        ((42, 7), {}, "wrong type"),
        ((), {}, "missing member"),
        ((), DATA | {"domainId": True}, "wrong type"),
        ((), DATA | {"domain": "example.test", "colour": "red"}, "unknown member"),
        ((), DATA | {"deadline": "2001-01-01T00:00:00Z"}, "bad deadline"),
        (([1, {"a": None}],), DATA, "wrong type"),
    ],
)
async def test_arguments_that_are_refused_are_set_aside_with_their_problem(
    house: House, args: tuple[Any, ...], members: dict[str, Any], title: str
) -> None:
    await house.reception.hear(args, members, house.ring)
    ((kept, problem),) = await house.rejected()
    assert json.loads(kept) == {"args": list(args), **members}
    assert problem["title"] == title
    assert await house.register.find(KEY) is None
    assert house.rung == []


# Messages from a queue


def task(*args: Any, **members: Any) -> bytes:
    return json.dumps([list(args), members, {"callbacks": None, "chain": None}]).encode()


async def test_letters_are_stored_or_set_aside_and_each_is_told_apart(house: House) -> None:
    letters = [
        Letter(json.dumps(DATA).encode()),
        Letter(b"5"),
        Letter(task(**DATA | {"domainId": 8, "correlationid": "c"}), "verification.request"),
        Letter(task(1, **DATA), "verification.request"),
        Letter(b"{}", "verification.request"),
        Letter(task(**DATA), "os.system"),
        Letter(task(**DATA), ["verification.request"]),
        Letter(event("cancel", data={"organizationId": 42, "domainId": 9})),
    ]
    assert await house.reception.take_in(letters, house.ring) == [True, False, True, *[False] * 5]
    assert {v.key async for v in house.register.list()} == {KEY, Key(42, 8)}
    found = await house.register.find(Key(42, 8))
    assert found is not None
    assert found.correlation_id == "c"
    rejected = await house.rejected()
    assert [kept for kept, _ in rejected] == [letters[place].body for place in (1, 3, 4, 5, 6, 7)]
    titles = ["not an object", "wrong type", "wrong type", "unknown type", "unknown type", "not found"]
    assert [problem["title"] for _, problem in rejected] == titles
    assert house.rung == [Step.REQUEST_CODE]


async def test_where_every_letter_is_refused_nobody_is_rung(house: House) -> None:
    assert await house.reception.take_in([Letter(b"?")], house.ring) == [False]
    assert house.rung == []
