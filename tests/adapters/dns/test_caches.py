"""What is remembered, and for how long."""

import pytest

from txtproof.adapters.dns.caches import ExpiringCache, bounded


def test_what_is_put_is_remembered_until_it_is_dropped() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache()
    cache.put("a", 1, 60)
    assert (cache.get("a"), cache.get("b")) == (1, None)
    cache.drop("a")
    cache.drop("b")
    assert cache.get("a") is None


def test_what_is_too_old_is_forgotten() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache()
    cache.put("a", 1, 0)
    assert cache.get("a") is None
    assert len(cache) == 0


def test_past_the_bound_the_one_used_longest_ago_goes() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(most=2)
    cache.put("a", 1, 60)
    cache.put("b", 2, 60)
    assert cache.get("a") == 1
    cache.put("c", 3, 60)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    assert len(cache) == 2


@pytest.mark.parametrize(("ttl", "seconds"), [(0, 5), (5, 5), (300, 300), (2**31 - 1, 3600)])
def test_no_ttl_makes_it_forget_at_once_or_never(ttl: int, seconds: int) -> None:
    assert bounded(ttl) == seconds
