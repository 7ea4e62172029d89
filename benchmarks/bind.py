"""BIND, the real one, with two addresses and one zone that a key may change.

Not Knot, where it comes to latency: once in each second, Knot 3.2 has an update wait for the next one.
"""

import secrets
import tempfile
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.children import Child, program, undisturbed
from benchmarks.knot import KEY, ZONE, wait_until_served, zone_file
from txtproof.rehearsal.valkey import free_port

ADDRESSES = ("127.0.0.1", "::1")
"""BIND listens at addresses that an interface has, which 127.0.0.2 is not."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where its journal is: this machine's disk, which it waits for at each update, is not what is measured."""

_CONFIGURATION = """key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 port {port} {{ ::1; }};
  pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key"; lock-file none;
  recursion no; dnssec-validation no; notify no; tcp-clients 1000; }};
controls {{ }};
logging {{ category default {{ null; }}; }};
zone "{zone}" {{ type primary; file "{zone}.zone"; allow-update {{ key "{key}"; }}; }};
"""


class Bind:
    """Serve the zone for as long as the `with` block lasts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.secret = b64encode(secrets.token_bytes(32)).decode()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            directory = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="txtproof-bind-", dir=MEMORY)))
            configuration = self._write(directory)
            command = [program("named", "bind9"), "-g", "-n", "1", "-c", str(configuration)]
            child = opening.enter_context(Child(command, directory / "log"))
            wait_until_served(child, self.port, ADDRESSES)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._closing.close()

    @property
    def server(self) -> str:
        """Return `address:port` of the primary."""
        return f"{ADDRESSES[0]}:{self.port}"

    def _write(self, directory: Path) -> Path:
        (directory / f"{ZONE}.zone").write_text(zone_file(ADDRESSES))
        configuration = directory / "named.conf"
        configuration.touch(mode=0o600)
        words = {"key": KEY, "secret": self.secret, "zone": ZONE}
        configuration.write_text(_CONFIGURATION.format(directory=directory, port=self.port, **words))
        return configuration
