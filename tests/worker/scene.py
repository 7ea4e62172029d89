"""A worker and beats as real processes, and a stage for them: Nexus, a name server, a broker."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.real_servers import RealServer
from tests.waiting import wait_until
from txtproof.rehearsal.nexus import NexusStandIn
from txtproof.rehearsal.processes import Celery

ORGANIZATION = 42


class Scene:
    """One worker and its beats against a real name server."""

    worker: Celery

    def __init__(self, redis_url: str, nexus: NexusStandIn, server: RealServer, directory: Path, auth: str) -> None:
        self.client = redis.Redis.from_url(redis_url)
        self.nexus = nexus
        self.server = server
        self.log = directory / "celery.log"
        publishers = directory / "publishers.toml"
        publishers.write_text(
            '[[publishers]]\nname = "corp"\nkind = "rfc2136"\nzones = ["example.test", "other.test"]\n'
            f'server = "{server.server}"\ntsig_name = "{server.tsig_name}"\n'
            f'tsig_algorithm = "{server.tsig_algorithm}"\ntsig_secret = "env:TSIG_SECRET"\n'
        )
        self.environ = {
            "TXTPROOF_REDIS__URL": redis_url,
            "TXTPROOF_NEXUS__BASE_URL": nexus.url,
            "TXTPROOF_DNS__RESOLVERS": json.dumps([server.server]),
            "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(server.port),
            "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
            "TXTPROOF_CONFIG_FILE": str(publishers),
            "TSIG_SECRET": server.tsig_secret,
            **self._credentials(auth),
        }

    def _credentials(self, auth: str) -> dict[str, str]:
        known = self.nexus.credentials
        if auth == "basic":
            return {
                "TXTPROOF_NEXUS__BASIC_USERNAME": known.username,
                "TXTPROOF_NEXUS__BASIC_PASSWORD": known.password,
            }
        return {
            "TXTPROOF_NEXUS__BEARER_TOKEN": known.token,
            "TXTPROOF_NEXUS__APPLICATION_TOKEN": known.application_token,
        }

    def send(self, body: bytes) -> None:
        """Put a message on the stream, as any service does."""
        self.client.xadd("txtproof:commands", {"event": body})

    def events(self) -> list[dict[str, Any]]:
        """Return every event so far."""
        entries: Any = self.client.xrange("txtproof:events")
        return [json.loads(fields[b"event"]) for _, fields in entries]

    def rejected(self) -> list[Any]:
        """Return every message that was set aside."""
        entries: Any = self.client.xrange("txtproof:rejected")
        return list(entries)

    def kinds(self, domain_id: int) -> list[str]:
        """Return the kinds of a domain's events, in order."""
        subject = f"organizations/{ORGANIZATION}/domains/{domain_id}"
        return [one["type"].split(".")[-2] for one in self.events() if one["subject"] == subject]

    def wait_for(self, domain_id: int, kind: str, seconds: float = 25.0) -> None:
        """Wait until a domain has come so far."""
        try:
            wait_until(lambda: kind in self.kinds(domain_id), f"{kind} of {domain_id}", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; so far {self.kinds(domain_id)}\n{self.log.read_text()[-4000:]}") from None


@contextmanager
def scene(
    redis_url: str, server: RealServer, directory: Path, auth: str = "bearer", *, broker: str = "", beats: int = 2
) -> Iterator[Scene]:
    """Set the stage; at its end all processes must still live, and end when they are asked to."""
    with NexusStandIn() as nexus:
        stage = Scene(redis_url, nexus, server, directory, auth)
        if broker:
            stage.environ["TXTPROOF_BROKER__URL"] = broker
        with stage.client, ExitStack() as processes:
            stage.worker = processes.enter_context(Celery("worker", stage.environ, stage.log))
            ticking = [processes.enter_context(Celery("beat", stage.environ, stage.log)) for _ in range(beats)]
            yield stage
            for process in (stage.worker, *ticking):
                assert process.poll() is None, f"a process has ended:\n{stage.log.read_text()[-4000:]}"
                process.terminate()
