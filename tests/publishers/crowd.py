"""Fifty verifications at one name, from four worker processes, while the name's owner changes values of its own there.

A publisher joins with a `Crowd`. `open_publisher` goes to the worker processes, so it must be picklable: a function of
a module, or a `functools.partial` of one. Provider and owner stay in the test's own process.

    def test_a_crowd_loses_nothing(mine: MyServer, redis_url: str) -> None:
        come_and_go(Crowd(ZONE, MyProvider(mine), MyOwner(mine), partial(opened, mine.url), redis_url))
"""

import itertools
import multiprocessing
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.publishers.crowd_worker import PATIENCE, Share, Tally, do, meet_at, value
from txtproof.ports import Publisher
from txtproof.testing.publisher_contract import Provider

TTL = 300
"""Seconds, of the neighbours; ours would be 60."""
NEIGHBOURS: tuple[tuple[bytes, ...], ...] = (
    (b"v=spf1 include:_spf.mail.test -all",),
    (b"v=DKIM1; p=" + b"A" * 244, b"B" * 200),
    (rb'say "code" ; C:\temp\065  two  blanks ',),
)
"""Each as its character-strings."""


class Owner(Protocol):
    """Somebody else who may write there: changes single values at the provider itself, and not through us."""

    def add(self, name: str, value: bytes) -> None:
        """Have a value at the name, with the TTL that stands there; it does when this returns."""

    def remove(self, name: str, value: bytes) -> None:
        """Have a value there no more; it does not when this returns."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes together, and where."""

    zone: str
    provider: Provider
    owner: Owner
    open_publisher: Callable[[], Publisher]
    """Called in each worker process, on its loop; there it is given its locks, if it needs them."""
    redis_url: str = ""
    """Where the processes have their locks; a publisher that needs none may go without."""
    verifications: int = 50
    workers: int = 4
    in_flight: int = 13
    """Calls at a time, of each process."""


def come_and_go(crowd: Crowd, name: str = "") -> list[Tally]:
    """Have all publish, and then all remove; assert that no value, no TTL and nothing else in the zone is lost."""
    name = name or f"n{secrets.token_hex(6)}.{crowd.zone}"
    crowd.provider.put(name, TTL, *NEIGHBOURS)
    before = crowd.provider.snapshot()
    standing = {b"".join(strings) for strings in NEIGHBOURS}
    ours = {value(number) for number in range(crowd.verifications)}
    with _workers(crowd, name) as work, _owner_at_work(crowd, name, standing) as owner:
        told = work(removes=False)
        with owner.pause():
            assert crowd.provider.values(name) == (TTL, sorted(standing | ours))
        told += work(removes=True)
        with owner.pause():
            assert crowd.provider.values(name) == (TTL, sorted(standing))
    assert owner.changes >= 10
    for number in owner.left:
        crowd.owner.remove(name, number)
    assert crowd.provider.snapshot() == before
    return told


@contextmanager
def _workers(crowd: Crowd, name: str) -> Iterator[Callable[..., list[Tally]]]:
    """Start the processes; yield what has each do its share, all from the same moment on."""
    spawning = multiprocessing.get_context("spawn")
    meeting = spawning.Barrier(crowd.workers)
    with ProcessPoolExecutor(crowd.workers, spawning, initializer=meet_at, initargs=(meeting,)) as processes:

        def work(*, removes: bool) -> list[Tally]:
            shares = [
                Share(
                    crowd.zone,
                    name,
                    tuple(range(first, crowd.verifications, crowd.workers)),
                    removes,
                    crowd.open_publisher,
                    crowd.redis_url,
                    crowd.in_flight,
                )
                for first in range(crowd.workers)
            ]
            return list(processes.map(do, shares, timeout=2 * PATIENCE))

        yield work


class _OwnerAtWork:
    """Adds values, looks whether all that is not ours stands there, and removes two values of three again."""

    def __init__(self, crowd: Crowd, name: str, standing: set[bytes]) -> None:
        self.changes = 0
        self.left: set[bytes] = set()
        self.over = threading.Event()
        self.fault: BaseException | None = None
        self._crowd = crowd
        self._name = name
        self._standing = standing
        self._turn = threading.Lock()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Have it wait for as long as the block lasts."""
        with self._turn:
            if self.fault is not None:
                raise self.fault
            yield

    def work(self) -> None:
        """Change values until it is over."""
        try:
            for number in itertools.count():
                with self._turn:
                    self._change(number)
                if self.over.wait(0.001):
                    return
        except BaseException as fault:  # noqa: BLE001  # raised where the test sees it
            self.fault = fault

    def _change(self, number: int) -> None:
        new = b"of the owner %d" % number
        self._crowd.owner.add(self._name, new)
        self._standing.add(new)
        self.left.add(new)
        ttl, values = self._crowd.provider.values(self._name)
        assert ttl == TTL
        assert self._standing <= set(values), self._standing - set(values)
        if number % 3:
            self._crowd.owner.remove(self._name, new)
            self._standing.remove(new)
            self.left.remove(new)
        self.changes += 1


@contextmanager
def _owner_at_work(crowd: Crowd, name: str, standing: set[bytes]) -> Iterator[_OwnerAtWork]:
    owner = _OwnerAtWork(crowd, name, standing)
    thread = threading.Thread(target=owner.work)
    thread.start()
    try:
        yield owner
    finally:
        owner.over.set()
        thread.join()
    if owner.fault is not None:
        raise owner.fault
