"""Where is asked: a Knot with four addresses, near or far, and one of them dead where that is wanted."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dns_delay import FAR, Delay
from benchmarks.dns_names import records
from benchmarks.knot import Knot

BEFORE_IT_IS_FULL = 3


@dataclass(frozen=True, slots=True)
class Way:
    """How the servers are to be reached."""

    name: str
    delay: int = 0
    """Milliseconds there and back, more than loopback's own."""
    dead: bool = False
    """The first of the four says nothing, over UDP or TCP."""


class Ground:
    """The name server, and where to stand."""

    addresses = FAR

    def __init__(self, knot: Knot, delay: Delay | None) -> None:
        self.knot = knot
        self._delay = delay

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Have what is started in this block ask from the right place."""
        with self._delay.near() if self._delay else nullcontext():
            yield


def cores() -> tuple[int, int]:
    """Return the core of whoever asks, and that of the name server and the longer way."""
    known = sorted(os.sched_getaffinity(0))
    return known[0], known[-1]


def on_core(number: int) -> list[str]:
    """Return the command that has another one stay on a core."""
    return ["taskset", "--cpu-list", str(number)]


@contextmanager
def ground(way: Way) -> Iterator[Ground]:
    """Have it for as long as the `with` block lasts. Raises RuntimeError with the reason where it cannot be had."""
    _, second = cores()
    with ExitStack() as opening:
        delay = opening.enter_context(Delay(way.delay, on_core(second))) if way.delay else None
        silent = FAR[:1] if way.dead else ()
        knot = Knot(FAR, records=records(), silent=silent, before=on_core(second))
        for address in silent:
            opening.enter_context(_silence(address, knot.port))
        with delay.far() if delay else nullcontext():
            opening.enter_context(knot)
        _keep(knot.pid, second)
        yield Ground(knot, delay)


def _keep(pid: int, core: int) -> None:
    """Keep all threads of a process on a core: Knot puts those that take datagrams on cores of its own choice."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


@contextmanager
def _silence(address: str, port: int) -> Iterator[None]:
    """Take what comes to an address, and never say anything: a closed port would say that it is closed."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket() as listening,
        ExitStack() as full,
    ):
        datagrams.bind((address, port))
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(BEFORE_IT_IS_FULL):
            # with nobody to take them up, the system answers no more of them
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield
