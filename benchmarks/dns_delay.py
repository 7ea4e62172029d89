"""A network with a longer way: two namespaces of the kernel's, joined by a wire of ours that holds each packet back.

What `tc netem` would do, for kernels that have none: packets of all protocols, handshakes too, pass a pair of TUN
devices. `python -m benchmarks.dns_delay MILLISECONDS` makes it, says where its namespaces are, and carries packets
until killed; nothing of it outlives the process. Needs root.
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.children import Child, undisturbed

NEAR = "127.1.0.1"
"""Who asks."""
FAR = tuple(f"127.0.0.{last}" for last in range(1, 5))
"""Who is asked."""
READY_WITHIN = 10.0
AT_ONCE = 64
LARGEST = 65_535
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET (unshare(2))."""
_TUN = Path("/dev/net/tun")
_SET_UP, _BARE_PACKETS = 0x400454CA, 0x1001
"""TUNSETIFF; IFF_TUN | IFF_NO_PI (linux/if_tun.h)."""
_LINK = "wire"
_SYSTEM = ctypes.CDLL(None, use_errno=True)


class Delay:
    """Have packets take so many more milliseconds there and back, for as long as the `with` block lasts."""

    def __init__(self, milliseconds: int, before: Sequence[str] = ()) -> None:
        """`before`: a command to start it by."""
        self._milliseconds = milliseconds
        self._before = before

    def __enter__(self) -> Self:
        if os.geteuid() or not os.access(_TUN, os.W_OK):
            raise RuntimeError(f"a longer way needs root and {_TUN}")
        with ExitStack() as opening:
            log = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="txtproof-delay-"))) / "log"
            command = [*self._before, sys.executable, "-m", "benchmarks.dns_delay", str(self._milliseconds)]
            child = opening.enter_context(Child(command, log))
            self._places = [f"/proc/{child.pid}/fd/{number}" for number in _ready(child)]
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._closing.close()

    @contextmanager
    def near(self) -> Iterator[None]:
        """Have this thread, and what it starts, be where one asks."""
        with _inside(self._places[0]):
            yield

    @contextmanager
    def far(self) -> Iterator[None]:
        """Have this thread, and what it starts, be where the addresses are."""
        with _inside(self._places[1]):
            yield


def _ready(child: Child) -> list[int]:
    """Return the descriptors of the two namespaces, once the wire is there."""
    deadline = time.monotonic() + READY_WITHIN
    while not (said := child.log.read_text()).endswith("ready\n"):
        child.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the longer way does not come to be:\n{said[-2000:]}")
        time.sleep(0.02)
    return [int(word) for word in said.splitlines()[-1].split()[:2]]


@contextmanager
def _inside(place: str) -> Iterator[None]:
    back, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(place, os.O_RDONLY)
    try:
        _call(_SYSTEM.setns(there, _NEW_NETWORK))
        try:
            yield
        finally:
            _call(_SYSTEM.setns(back, _NEW_NETWORK))
    finally:
        os.close(there)
        os.close(back)


def main() -> None:
    """Make it, say so, and carry packets."""
    one_way = int(sys.argv[1]) / 2000
    near, asking = _end((NEAR,), "127.0.0.0/24", NEAR)
    far, asked = _end(FAR, f"{NEAR}/32", FAR[0])
    print(near, far, "ready", flush=True)
    _carry(asking, asked, one_way)


def _end(addresses: tuple[str, ...], to: str, source: str) -> tuple[int, int]:
    """Make a namespace with these addresses and one end of the wire; return the descriptors of both."""
    _call(_SYSTEM.unshare(_NEW_NETWORK))
    wire = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(wire, _SET_UP, struct.pack("16sH22x", _LINK.encode(), _BARE_PACKETS))
    # what starts with 127 may leave this host, and come in from without
    for name in ("all", "default", _LINK):
        settings = Path("/proc/sys/net/ipv4/conf") / name
        (settings / "route_localnet").write_text("1")
        (settings / "rp_filter").write_text("0")
    _ip("link", "set", "lo", "up")
    _ip("addr", "del", "127.0.0.1/8", "dev", "lo")
    for address in addresses:
        _ip("addr", "add", f"{address}/32", "dev", "lo", "scope", "global")
    _ip("link", "set", _LINK, "txqueuelen", "100000", "up")
    _ip("route", "add", to, "dev", _LINK, "src", source)
    return os.open("/proc/self/ns/net", os.O_RDONLY), wire


def _carry(one: int, other: int, seconds: float) -> None:
    """Take packets at each end, and put them out at the other when they have waited."""
    held: dict[int, deque[tuple[float, bytes]]] = {one: deque(), other: deque()}
    beyond = {one: other, other: one}
    while True:
        nexts = [waiting[0][0] for waiting in held.values() if waiting]
        pause = max(min(nexts) - time.monotonic(), 0.0) if nexts else None
        for wire in select.select([one, other], [], [], pause)[0]:
            until = time.monotonic() + seconds
            held[wire].extend((until, packet) for packet in _packets(wire))
        now = time.monotonic()
        for wire, waiting in held.items():
            for _ in range(AT_ONCE):
                if not waiting or waiting[0][0] > now:
                    break
                os.write(beyond[wire], waiting.popleft()[1])
        # the name server has the same core: what is put out at once, its buffer has to hold
        os.sched_yield()


def _packets(wire: int) -> Iterator[bytes]:
    for _ in range(AT_ONCE):
        try:
            yield os.read(wire, LARGEST)
        except BlockingIOError:
            return


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
