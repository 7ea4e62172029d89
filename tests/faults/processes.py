"""Real processes by their pids: who works where, who holds which connection, who is frozen, who is gone."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from txtproof.rehearsal.processes import Celery

LOOKS_EVERY = 0.1
"""Seconds between two looks of the supervisor."""
ESTABLISHED = "01"


class Seat:
    """A place where one process lives: who sits there and ends is followed by another (`restart: unless-stopped`)."""

    def __init__(self, name: str, make: Callable[[], Celery]) -> None:
        self.name = name
        self._make = make
        self._wanted = False
        self._celery: Celery | None = None
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        """Return the pid of the main process: that of its group too."""
        with self._lock:
            assert self._celery is not None, f"{self.name}: nobody sits there"
            return self._celery.pid

    @property
    def children(self) -> list[int]:
        """Return the pids of its pool processes."""
        with suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def start(self) -> None:
        """Take the seat, and be followed from now on."""
        with self._lock:
            self._wanted = True
            self._sit()

    def supervise(self) -> None:
        """Start another where this one has ended and is wanted."""
        with self._lock:
            if self._wanted and self._celery is not None and self._celery.poll() is not None:
                self._sit()

    def kill(self) -> None:
        """End it with all its children, as a crash of the machine would."""
        with self._lock:
            if self._celery is not None:
                self._celery.kill()

    def freeze(self) -> None:
        """Stop the whole tree in its tracks."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to stop in order; whoever follows starts when it has."""
        with self._lock:
            if self._celery is not None:
                self._celery.terminate()

    def retire(self) -> Celery | None:
        """Ask it to stop in order, for good; return who is going."""
        with self._lock:
            self._wanted = False
            self.terminate()
            return self._celery

    def close(self) -> None:
        """End it for good."""
        with self._lock:
            self._wanted = False
            if self._celery is not None:
                self._celery.kill()
                self._celery = None

    def _sit(self) -> None:
        self._celery = self._make()
        self._celery.__enter__()


class Supervisor:
    """Look after seats, from a thread, until closed."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def watch(self, seat: Seat) -> Seat:
        """Start a seat, and look after it."""
        seat.start()
        self._seats.append(seat)
        return seat

    def close(self) -> None:
        """End everybody."""
        self._closing.set()
        self._thread.join()
        for seat in self._seats:
            seat.close()

    def _run(self) -> None:
        while not self._closing.wait(LOOKS_EVERY):
            for seat in tuple(self._seats):
                seat.supervise()


def kill(pids: Iterable[int]) -> int:
    """Kill these processes; return how many were there."""
    killed = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def speaking_from(pids: Iterable[int], ports: Iterable[int], to: int) -> list[int]:
    """Return those processes that hold a TCP connection from one of these ports to that port (proc_pid_net(5),
    proc_pid_fd(5)).

    The port that it comes from does not name a connection: Linux gives it to another one as well that leads elsewhere.
    """
    wanted = set(ports)
    return [pid for pid in pids if wanted and not set(_connections(pid, wanted, to)).isdisjoint(_sockets(pid))]


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def _connections(pid: int, ports: set[int], to: int) -> Iterator[str]:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == ESTABLISHED and _port_of(words[1]) in ports and _port_of(words[2]) == to:
                yield words[9]


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
