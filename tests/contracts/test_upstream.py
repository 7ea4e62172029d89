"""What every upstream keeps to: in memory, and over HTTP to the Nexus of the rehearsal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from pydantic import SecretStr

from txtproof.adapters.nexus import BearerAuth, NexusClient, NexusOptions
from txtproof.core.model import Key
from txtproof.core.observations import AlreadyVerified, Ambiguous, CodeIssued, Rejected, Unreachable
from txtproof.core.reasons import Reason
from txtproof.ports import Upstream
from txtproof.rehearsal.nexus import Answer, NexusStandIn
from txtproof.testing.upstream import MemoryUpstream

KEY, LARGEST, STRANGER = Key(42, 7), Key(2**31 - 1, 2**31 - 1), Key(1, 1)
DOMAIN = "example.test"
WEEK = timedelta(days=7)


class World(Protocol):
    """A Nexus, and how it is called."""

    upstream: Upstream

    def register(
        self, key: Key, domain: str | None, lifetime: timedelta | None = WEEK, *, verified: bool = False
    ) -> None:
        """Have it know a domain."""

    def lose_next_answer(self, key: Key) -> None:
        """Have the next call take effect, and its answer get lost."""

    def fail_next(self, key: Key) -> None:
        """Have the next call come back without effect, to be repeated later."""

    def live(self, key: Key) -> str | None:
        """Return the code that counts now."""

    def issued(self, key: Key) -> int:
        """Return how many codes were ever issued."""

    def overlaps(self) -> int:
        """Return how many calls began while another for the same key was in flight."""


class InMemory:
    def __init__(self) -> None:
        self._nexus = MemoryUpstream(lambda: datetime.now(UTC))
        self.upstream: Upstream = self._nexus

    def register(
        self, key: Key, domain: str | None, lifetime: timedelta | None = WEEK, *, verified: bool = False
    ) -> None:
        self._nexus.register(key, domain, lifetime=lifetime, verified=verified)

    def lose_next_answer(self, key: Key) -> None:
        self._nexus.script(key, Ambiguous(Reason.UPSTREAM_AMBIGUOUS, "lost"))

    def fail_next(self, key: Key) -> None:
        self._nexus.script(key, Unreachable(Reason.UPSTREAM_UNREACHABLE, "503", timedelta(seconds=2)))

    def live(self, key: Key) -> str | None:
        code = self._nexus.live(key)
        return code.code if code else None

    def issued(self, key: Key) -> int:
        return len(self._nexus.issued.get(key, ()))

    def overlaps(self) -> int:
        return self._nexus.overlaps


class OverHttp:
    def __init__(self, nexus: NexusStandIn, upstream: Upstream) -> None:
        self._nexus = nexus
        self.upstream = upstream

    def register(
        self, key: Key, domain: str | None, lifetime: timedelta | None = WEEK, *, verified: bool = False
    ) -> None:
        self._nexus.register(key.organization_id, key.domain_id, domain, lifetime=lifetime)
        if verified:
            members = {"isVerified": True, "verificationCode": None, "verificationCodeExpires": None}
            self._nexus.script(key.organization_id, key.domain_id, Answer(members=members))

    def lose_next_answer(self, key: Key) -> None:
        self._nexus.script(key.organization_id, key.domain_id, Answer(reset=True))

    def fail_next(self, key: Key) -> None:
        self._nexus.script(key.organization_id, key.domain_id, Answer(503, headers={"Retry-After": "2"}))

    def live(self, key: Key) -> str | None:
        code = self._nexus.live(key.organization_id, key.domain_id)
        return code.code if code else None

    def issued(self, key: Key) -> int:
        return len(self._nexus.issued.get(key, ()))

    def overlaps(self) -> int:
        return self._nexus.overlaps


@pytest.fixture(params=["memory", "http"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield InMemory()
        return
    with NexusStandIn() as nexus:
        known = nexus.credentials
        auth = BearerAuth(SecretStr(known.token), SecretStr(known.application_token), known.header)
        client = NexusClient(NexusOptions(nexus.url, auth, timedelta(seconds=10)))
        try:
            yield OverHttp(nexus, client)
        finally:
            await client.aclose()


async def issued(world: World, key: Key = KEY) -> CodeIssued:
    answer = await world.upstream.generate_code(key)
    assert isinstance(answer, CodeIssued)
    return answer


async def test_a_code_comes_with_its_domain_its_expiry_and_the_time_of_nexus(world: World) -> None:
    world.register(KEY, DOMAIN)
    answer = await issued(world)
    assert answer.domain == DOMAIN
    assert answer.answered is not None
    assert answer.expires is not None
    assert abs(answer.expires - answer.answered - WEEK) < timedelta(seconds=2)
    assert answer.code == world.live(KEY)
    assert answer.code not in repr(answer)


async def test_each_call_issues_a_code_that_kills_the_one_before(world: World) -> None:
    world.register(KEY, DOMAIN)
    first, second = await issued(world), await issued(world)
    assert first.code != second.code
    assert world.live(KEY) == second.code


async def test_a_code_may_have_no_expiry_and_a_domain_no_name(world: World) -> None:
    world.register(KEY, None, None)
    answer = await issued(world)
    assert (answer.expires, answer.domain) == (None, None)


async def test_what_is_verified_already_gets_no_code(world: World) -> None:
    world.register(KEY, DOMAIN, verified=True)
    assert await world.upstream.generate_code(KEY) == AlreadyVerified(DOMAIN)


async def test_a_key_that_nexus_does_not_know_is_rejected(world: World) -> None:
    answer = await world.upstream.generate_code(STRANGER)
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UNKNOWN_DOMAIN
    assert world.issued(STRANGER) == 0


async def test_the_largest_ids_are_ids(world: World) -> None:
    world.register(LARGEST, DOMAIN)
    assert (await issued(world, LARGEST)).code == world.live(LARGEST)


async def test_an_answer_that_got_lost_is_ambiguous_and_was_not_asked_for_again(world: World) -> None:
    world.register(KEY, DOMAIN)
    world.lose_next_answer(KEY)
    answer = await world.upstream.generate_code(KEY)
    assert isinstance(answer, Ambiguous)
    assert answer.reason is Reason.UPSTREAM_AMBIGUOUS
    assert world.issued(KEY) == 1, "it took effect, once"
    assert (await issued(world)).code == world.live(KEY)


async def test_a_failure_without_effect_says_when_to_come_again(world: World) -> None:
    world.register(KEY, DOMAIN)
    world.fail_next(KEY)
    answer = await world.upstream.generate_code(KEY)
    assert isinstance(answer, Unreachable)
    assert (answer.reason, answer.retry_after) == (Reason.UPSTREAM_UNREACHABLE, timedelta(seconds=2))
    assert world.issued(KEY) == 0
    assert (await issued(world)).code == world.live(KEY)


async def test_keys_are_called_side_by_side_and_an_overlap_on_one_key_is_seen(world: World) -> None:
    keys = [Key(42, number) for number in range(1, 6)]
    for key in keys:
        world.register(key, DOMAIN)
    answers = await asyncio.gather(*(issued(world, key) for key in keys))
    assert [answer.code for answer in answers] == [world.live(key) for key in keys]
    assert world.overlaps() == 0
