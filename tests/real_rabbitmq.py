"""A real RabbitMQ, Debian's, in a directory and on ports of its own.

Where it is not installed, its tests are skipped; under TXTPROOF_REQUIRE_SERVERS=1 they fail.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import kombu
import pytest

from txtproof.rehearsal.valkey import free_port

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not the wrapper in the PATH, which becomes another user first."""
READY_WITHIN = 60.0
"""Seconds; 4 to 6 where nothing else runs, and 5 to start again after a crash."""
QUEUES = ("txtproof.work", "txtproof.commands", "txtproof.rejected")
NODE = "txtproof-tests@localhost"


class RealRabbit:
    """Run a RabbitMQ for as long as the `with` block lasts; its files go with it.

    `start` and `kill` may be called in between, as a crash does: the data stays until the end.
    """

    def __init__(self, feature_flags: str | None = None) -> None:
        """Leave all feature flags on, or name those that the node begins with."""
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._flags = {} if feature_flags is None else {"RABBITMQ_FEATURE_FLAGS": feature_flags}
        self._name_port = str(free_port())
        self._traffic_port = str(free_port())
        self._names: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._directory = Path()

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="txtproof-rabbit-"))
        try:
            # here, or the node would start one that outlives it
            names = ["epmd", "-address", "127.0.0.1", "-port", self._name_port]
            self._names = subprocess.Popen(names, start_new_session=True)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, where it does not run, and wait until it lets a client in."""
        if self._server is not None:
            return
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [str(SERVER)], env=self._environ(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"RabbitMQ does not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server as a crash would; what it started sees its pipes close, and ends too."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """Stop what was started and remove its files, which nobody needs any more: no time for a clean stop."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def empty(self) -> None:
        """Delete our queues and exchanges, with all that is in them."""
        self.start()
        with self.connect() as connection:
            channel: Any = connection.default_channel
            for name in QUEUES:
                channel.queue_delete(name)
                channel.exchange_delete(name)

    def connect(self) -> kombu.Connection:
        """Return a connection for a `with` block, which publishes with confirms."""
        return kombu.Connection(self.url, connect_timeout=5, transport_options={"confirm_publish": True})

    def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue that is there; those that are being worked on are not counted."""
        with self.connect() as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue, passive=True).message_count)

    @property
    def log(self) -> Path:
        """Return the file with the server's messages."""
        return self._directory / "rabbit.log"

    def _answers(self) -> bool:
        try:
            with kombu.Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
                return True
        except OSError:
            return False

    def _environ(self) -> dict[str, str]:
        inside = self._directory
        return {
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "LANG": "C.UTF-8",
            # the cookie of its nodes is written there
            "HOME": str(inside),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": self._traffic_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self._name_port,
            "RABBITMQ_MNESIA_BASE": str(inside / "mnesia"),
            "RABBITMQ_LOG_BASE": str(inside / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(inside / "pid"),
            # none of these exist: the machine's own must not be read
            "RABBITMQ_CONF_ENV_FILE": str(inside / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(inside / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(inside / "advanced"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(inside / "enabled_plugins"),
            # one scheduler that sleeps when idle: the machine belongs to the tests
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
            **self._flags,
        }


def need_rabbitmq() -> None:
    """Skip the test where RabbitMQ is not installed, or fail where every server must be there."""
    if SERVER.exists() and shutil.which("epmd"):
        return
    missing = "RabbitMQ is not installed: apt-get install rabbitmq-server"
    if os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RealRabbit]:
    """A RabbitMQ that runs for the whole session."""
    need_rabbitmq()
    with RealRabbit() as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_server: RealRabbit) -> RealRabbit:
    """That RabbitMQ, running and empty, whatever the last test did to it."""
    rabbitmq_server.empty()
    return rabbitmq_server
