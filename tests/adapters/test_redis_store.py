"""What only the store on a real server can show."""

import json
import logging
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from txtproof.acceptance import Acceptance, Delivery
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.documents import read_verification, write_verification
from txtproof.adapters.redis_connection import describe, open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.machine import decide
from txtproof.core.model import Key, Record, State, Step
from txtproof.core.observations import Cancel, CleanUp, Release
from txtproof.core.orders import Order, Request
from txtproof.core.policy import Policy
from txtproof.core.schedule import FEW
from txtproof.core.transitions import to_end
from txtproof.core.values import replace
from txtproof.ports import Arrival, Commit, Outcome, StoreUnavailable, Welcome
from txtproof.rehearsal.valkey import EmbeddedValkey, free_port
from txtproof.testing.clock import START
from txtproof.testing.turns import MemoryTurns


async def requested(store: RedisStore, *keys: Key, run: str = "v") -> None:
    ids = iter(f"{run}-{key}" for key in keys)
    acceptance = Acceptance(store, Policy(), lambda: next(ids), MemoryTurns(lambda: START))
    # few at a time: what comes in bulk would begin spread over a while
    for at in range(0, len(keys), FEW):
        deliveries = [Delivery(Order(key, Request("example.test"))) for key in keys[at : at + FEW]]
        assert set(await acceptance.accept(deliveries)) == {Welcome.CREATED}


async def test_a_thousand_rows_are_claimed_and_committed_in_batches(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, *(Key(1, number) for number in range(1, 1001)))
        rows = (await store.claim(Step.REQUEST_CODE, 1000)).rows
        assert len({row.verification.key for row in rows}) == 1000
        outcomes = await store.commit([Commit(row, 1, row.verification) for row in rows])
        assert set(outcomes) == {Outcome.COMMITTED}


async def test_a_server_that_forgot_the_scripts_is_given_them_again(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1))
        await redis.script_flush()
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        await redis.script_flush()
        assert await store.commit([Commit(row, 1, row.verification)]) == [Outcome.COMMITTED]
        await redis.script_flush()
        await requested(store, Key(1, 2))
        await redis.script_flush()
        assert await store.audit() == 0


async def test_a_row_that_fell_out_of_its_lane_is_put_back(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1), Key(1, 2))
        await redis.zrem("txtproof:lane:request_code", "1/1")
        assert await store.audit() == 1
        assert len((await store.claim(Step.REQUEST_CODE, 10)).rows) == 2


async def test_an_audit_in_parts_has_read_every_row_at_its_end(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        keys = [Key(1, number) for number in range(1, 2001)]
        await requested(store, *keys)
        await redis.delete("txtproof:lane:request_code")
        found = [await store.audit(3) for _ in range(3)]
        assert sum(found) == len(keys)
        assert max(found) < len(keys)
        assert await redis.zcard("txtproof:lane:request_code") == len(keys)


async def test_a_member_of_a_lane_without_a_row_is_swept_out(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await redis.zadd("txtproof:lane:request_code", {"1/1": 0})
        assert (await store.claim(Step.REQUEST_CODE, 10)).rows == ()
        assert await redis.zcard("txtproof:lane:request_code") == 0


async def test_a_row_that_cannot_be_read_harms_no_neighbour(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1), Key(1, 2))
        await redis.append("txtproof:v:1/1", "code-1")
        with caplog.at_level(logging.DEBUG):
            (row,) = (await store.claim(Step.REQUEST_CODE, 10)).rows
        assert row.verification.key == Key(1, 2)
        assert "1/1" in caplog.text
        assert "code-1" not in caplog.text
        register = RedisRegister(redis)
        assert await register.parked() == [Key(1, 1)]
        told = [json.loads(one) async for one in register.events(follow=False)][-1]
        assert (told["type"], told["data"]["reason"]) == ("com.txtproof.verification.blocked.v1", "poison")
        assert await store.audit() == 0, "what is parked is in no lane, and stays so"
        with pytest.raises(StoreUnavailable, match="parked"):
            await register.find(Key(1, 1))
        assert [v.key async for v in register.list()] == [Key(1, 2)]


async def overwrite(redis: Redis, name: str, how: str) -> object:
    """Write something else in the place of a row, and return what reads it."""
    await redis.delete(name)
    if how == "a hash":
        await redis.hset(name, "not", "a row")
    else:
        await redis.set(name, {"text": "not a row of ours", "nothing": "", "half a row": "0000000000000001 00 0"}[how])
    return await redis.dump(name)


@pytest.mark.parametrize("how", ["text", "nothing", "half a row", "a hash"])
class TestARowThatSomebodyElseHasOverwritten:
    async def test_is_parked_as_it_is_by_whoever_claims_it_and_holds_nothing_up(
        self, how: str, redis_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_redis(redis_url) as redis:
            store, register = RedisStore(redis, encode), RedisRegister(redis)
            await requested(store, Key(1, 1), Key(1, 2), Key(1, 3))
            foreign = [await overwrite(redis, f"txtproof:v:1/{number}", how) for number in (1, 3)]
            (row,) = (await store.claim(Step.REQUEST_CODE, 10)).rows
            assert row.verification.key == Key(1, 2)
            assert await register.parked() == [Key(1, 1), Key(1, 3)]
            assert "1/1: its row cannot be read" in caplog.text
            assert [await redis.dump(f"txtproof:v:1/{number}") for number in (1, 3)] == foreign
            told = [json.loads(one) async for one in register.events(follow=False)][-2:]
            assert [(one["subject"], one["data"]["reason"]) for one in told] == [
                (key.subject, "poison") for key in (Key(1, 1), Key(1, 3))
            ]
            assert len({one["id"] for one in told}) == 2
            assert await redis.zrange("txtproof:lane:request_code", 0, -1) == [b"1/2"]
            assert await store.audit() == 0, "what is parked is in no lane, and stays so"

    async def test_lets_the_others_of_a_batch_be_committed(self, how: str, redis_url: str) -> None:
        async with open_redis(redis_url) as redis:
            store = RedisStore(redis, encode)
            await requested(store, Key(1, 1), Key(1, 2))
            rows = (await store.claim(Step.REQUEST_CODE, 10)).rows
            foreign = await overwrite(redis, "txtproof:v:1/1", how)
            said = await store.commit([Commit(row, 1, row.verification) for row in rows])
            assert said == [Outcome.FENCED, Outcome.COMMITTED]
            assert await redis.dump("txtproof:v:1/1") == foreign
            assert await store.recover(Step.REQUEST_CODE) == 0

    async def test_keeps_a_command_for_when_it_has_been_mended(self, how: str, redis_url: str) -> None:
        async with open_redis(redis_url) as redis:
            store = RedisStore(redis, encode)
            await requested(store, Key(1, 1))
            row = await redis.dump("txtproof:v:1/1") or b""
            await overwrite(redis, "txtproof:v:1/1", how)
            turns = MemoryTurns(lambda: START)
            orders = [Delivery(Order(key, Cancel())) for key in (Key(1, 1), Key(1, 2))]
            acceptance = Acceptance(store, Policy(), lambda: "x", turns)
            assert await acceptance.accept(orders) == [Welcome.ATTACHED, Welcome.NOT_FOUND]
            assert (await store.claim(Step.REQUEST_CODE, 10)).rows == ()
            await redis.restore("txtproof:v:1/1", 0, row, replace=True)
            await acceptance.accept([Delivery(Order(Key(1, 1), Release()))])
            (mended,) = (await store.claim(Step.REQUEST_CODE, 10)).rows
            assert mended.inbox == (Cancel(), Release())

    async def test_is_found_by_the_audit_where_no_lane_has_it(self, how: str, redis_url: str) -> None:
        async with open_redis(redis_url) as redis:
            store = RedisStore(redis, encode)
            await overwrite(redis, "txtproof:v:1/1", how)
            assert await store.audit() == 1
            assert (await store.claim(Step.REQUEST_CODE, 10)).rows == ()
            assert await RedisRegister(redis).parked() == [Key(1, 1)]


async def test_a_server_that_is_away_is_named_and_its_password_is_not(redis_url: str) -> None:
    del redis_url
    async with open_redis(f"redis://user:pass-word@127.0.0.1:{free_port()}/3") as redis:
        store = RedisStore(redis, encode)
        for call in (store.now(), store.due(), store.claim(Step.REQUEST_CODE, 1), RedisRegister(redis).find(Key(1, 1))):
            with pytest.raises(StoreUnavailable) as away:
                await call
            assert "127.0.0.1" in str(away.value)
            assert "pass-word" not in str(away.value)
    assert describe("redis://user:pass-word@cache.example:6380/3") == "cache.example:6380/3"


async def test_a_connection_that_is_cut_is_made_anew(redis_url: str) -> None:
    async with open_redis(redis_url) as redis, Redis.from_url(redis_url) as other:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1))
        for _ in range(5):
            await other.client_kill_filter(_type="normal", skipme=True)
            assert await store.due() == {Step.REQUEST_CODE}


async def test_a_store_that_was_restarted_has_kept_what_it_was_told() -> None:
    with EmbeddedValkey() as valkey:
        async with open_redis(valkey.url) as redis:
            store = RedisStore(redis, encode)
            await requested(store, Key(1, 1))
            await redis.waitaof(1, 0, 2000)
            valkey.kill()
            with pytest.raises(StoreUnavailable):
                await store.claim(Step.REQUEST_CODE, 1)
            valkey.start()
            (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
            assert row.verification.key == Key(1, 1)


async def test_a_document_reads_back_as_it_was_written(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1))
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        assert (
            read_verification(Key(1, 1), row.verification.id, write_verification(row.verification)) == row.verification
        )
        assert await store.commit([Commit(row, 1, row.verification)]) == [Outcome.COMMITTED]
        keys = sorted(await redis.keys("*"))
        assert keys == [b"txtproof:events", b"txtproof:lane:request_code", b"txtproof:v:1/1"]


async def test_an_ended_row_leaves_no_inbox_behind(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1))
        await Acceptance(store, Policy(), lambda: "x", MemoryTurns(lambda: START)).accept(
            [Delivery(Order(Key(1, 1), Cancel()))]
        )
        claimed = await store.claim(Step.REQUEST_CODE, 1)
        (row,) = claimed.rows
        ended = decide(row.verification, row.inbox[0], claimed.now, Policy())
        await store.commit([Commit(row, 1, ended.verification, ended.events)])
        assert sorted(await redis.keys("*")) == [b"txtproof:events", b"txtproof:v:1/1"]


async def test_a_row_expires_once_it_has_ended_and_nothing_is_left_to_do(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode, retention=timedelta(days=30))
        await requested(store, Key(1, 1))
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        ended = to_end(row.verification, State.CANCELLED, await store.now(), None, "")
        to_do = replace(ended, step=Step.WITHDRAW_RECORD, wake=await store.now())
        await store.commit([Commit(row, 1, to_do)])
        assert await redis.pttl("txtproof:v:1/1") == -1, "its records are still to be removed"
        (again,) = (await store.claim(Step.WITHDRAW_RECORD, 1)).rows
        await store.commit([Commit(again, 1, ended)])
        days = await redis.pttl("txtproof:v:1/1") / 86_400_000
        assert 29.9 < days <= 30
        await requested(store, Key(1, 1), run="w")
        assert await redis.pttl("txtproof:v:1/1") == -1, "a new run is no old one"


@pytest.mark.parametrize("state", [State.VERIFIED, State.CANCELLED])
async def test_a_row_is_kept_for_as_long_as_something_is_left_over_and_no_longer(redis_url: str, state: State) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode, retention=timedelta(days=30))
        await requested(store, Key(1, 1))
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        line = Record("corp", "example.test", "example.test", "code-1", generation=1)
        ended = to_end(replace(row.verification, ledger=(line,)), state, await store.now(), None, "")
        await store.commit([Commit(row, 1, ended)])
        days = await redis.pttl("txtproof:v:1/1") / 86_400_000
        if state is State.VERIFIED:
            assert 29.9 < days <= 30, "a record that is kept is no reason to keep its row"
        else:
            assert days < 0, "what it has written would be forgotten"
        assert await store.accept([Arrival(Key(1, 1), CleanUp())]) == [Welcome.ATTACHED]
        assert await redis.pttl("txtproof:v:1/1") == -1, "it must not expire while it is worked on"
        (again,) = (await store.claim(Step.WITHDRAW_RECORD, 1)).rows
        await store.commit([Commit(again, 1, replace(ended, ledger=()), heard=1)])
        days = await redis.pttl("txtproof:v:1/1") / 86_400_000
        assert 29.9 < days <= 30
        assert sorted(await redis.keys("*")) == [b"txtproof:events", b"txtproof:v:1/1"]


async def test_a_row_that_is_left_over_and_then_deleted_is_listed_until_somebody_asks_for_it(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await redis.zadd("txtproof:leftovers", {"1/1": 0})
        assert await store.accept([Arrival(Key(1, 1), CleanUp())]) == [Welcome.NOT_FOUND]
        assert await RedisRegister(redis).left_over() == []


async def test_an_audit_leaves_alone_what_is_left_over_and_puts_back_what_is_to_be_cleaned_up(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await requested(store, Key(1, 1))
        (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
        line = Record("corp", "example.test", "example.test", "code-1", generation=1)
        ended = to_end(replace(row.verification, ledger=(line,)), State.CANCELLED, await store.now(), None, "")
        await store.commit([Commit(row, 1, ended)])
        assert await store.audit() == 0
        await store.accept([Arrival(Key(1, 1), CleanUp())])
        await redis.delete("txtproof:lane:withdraw_record")
        assert await store.audit() == 1
        (again,) = (await store.claim(Step.WITHDRAW_RECORD, 1)).rows
        assert again.inbox == (CleanUp(),)
