"""Programs of others as tests start them: found or skipped, awaited, and stopped."""

import errno
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.exception
import pytest

READY_WITHIN = 15.0
"""Seconds."""


def installed(name: str, package: str) -> str:
    """Return where a program is; skip the test where it is not installed, or fail: TXTPROOF_REQUIRE_SERVERS=1."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    need(found is not None, name, package)
    return str(found)


def need(found: bool, name: str, package: str) -> None:
    """Go on where something is installed; else skip the test or fail, as above."""
    missing = f"{name} is not installed: apt-get install {package}"
    if not found and os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
        pytest.fail(missing)
    if not found:
        pytest.skip(missing)


@contextmanager
def started(command: Sequence[str], log: Path, is_ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts, from when it answers: `is_ready` may fail until then."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)  # our words
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not _answers(is_ready):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} does not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
        yield process
    finally:
        _stop(process)


def _answers(is_ready: Callable[[], bool]) -> bool:
    try:
        return is_ready()
    except (OSError, EOFError, dns.exception.DNSException):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(*addresses: str) -> int:
    """Return a port that nobody uses just now at any of these addresses, for TCP or UDP."""
    while True:
        with ExitStack() as closing:
            port = 0
            try:
                for address in addresses:
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        probe = closing.enter_context(socket.socket(type=kind))
                        probe.bind((address, port))
                        port = port or probe.getsockname()[1]
            except OSError as fault:
                if fault.errno == errno.EADDRNOTAVAIL:
                    pytest.skip(f"not all of {', '.join(addresses)} are on this machine: {fault}")
                continue
            return port
