"""Unbound as a second view, over UDP, TLS and HTTPS."""

import asyncio
import gc
import warnings

import dns.flags
import dns.message
import pytest

from tests.real_unbound import RealResolver
from tests.reasons.missed import remembering
from tests.reasons.rows import LATER, POLICY, look_for, waiting
from tests.reasons.scenes import really
from txtproof.adapters.dns.ways import Ways
from txtproof.core.machine import decide
from txtproof.core.observations import Match, Sight


@pytest.mark.parametrize("way", ["udp", "tls", "https"])
async def test_a_resolver_vouches_for_signatures_that_hold(way: str, request: pytest.FixtureRequest) -> None:
    sight = await really("bind", view=way)(request, look_for(waiting("sound.test"), LATER))
    assert isinstance(sight, Match), sight
    assert [one.authenticated for one in sight.servers] == [False, True]


async def test_the_next_look_comes_when_the_resolver_has_forgotten(request: pytest.FixtureRequest) -> None:
    async def seen_twice(domain: str, before: bytes | None) -> Sight:
        v = waiting(domain)
        look = look_for(v, LATER)
        wake = decide(v, await remembering("udp", before, ttl=3)(request, look), LATER, POLICY).verification.wake
        assert wake is not None
        # what is waited for is the resolver's clock
        await asyncio.sleep((wake - LATER).total_seconds())
        return await really("bind", view="udp")(request, look)

    sights = await asyncio.gather(seen_twice("nothing.quick.test", None), seen_twice("another.quick.test", b"v=spf1"))
    assert [type(one) for one in sights] == [Match, Match], sights


def test_no_connection_is_left_open(real_unbound: RealResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(way: str) -> None:
        ways = Ways()
        try:
            answer = await ways.to(way).ask(dns.message.make_query("localhost.", "A"))
            assert answer.answer
        finally:
            await ways.aclose()

    monkeypatch.setenv("SSL_CERT_FILE", str(real_unbound.authority))
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        for way in (real_unbound.udp, real_unbound.tls, real_unbound.https) * 5:
            asyncio.run(ask(way))
            gc.collect()
    assert [str(one.message) for one in left] == []
