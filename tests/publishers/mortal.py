"""Real name servers that a test may kill and start again, in the same directory and on the same port."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.real_powerdns_updates import running_powerdns
from tests.real_servers import NAMED, ZONES, RealServer, knot_template, knotd, named, prepared, serving


class Mortal:
    """A server that takes updates, as long as it lives."""

    def __init__(self, server: RealServer, command: list[str], process: subprocess.Popen[bytes]) -> None:
        self.server = server
        self._command = command
        self._process = process
        self._closing = ExitStack()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Start it again."""
        self._process = self._closing.enter_context(serving(self._command, self.server))

    def close(self) -> None:
        """End what was started again."""
        self._closing.close()


@contextmanager
def mortal(kind: str) -> Iterator[Mortal]:
    """Run a server of a kind: bind, knot or powerdns."""
    with ExitStack() as closing:
        if kind == "powerdns":
            server, process, command = closing.enter_context(running_powerdns())
        else:
            template, starts = (NAMED, named) if kind == "bind" else (knot_template(ZONES), knotd)
            server, file = closing.enter_context(prepared(template))
            command = starts(file)
            process = closing.enter_context(serving(command, server))
        found = Mortal(server, command, process)
        closing.callback(found.close)
        yield found
