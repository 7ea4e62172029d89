"""The whole world on loopback: Valkey, Nexus, name servers; and the settings by which workers live in it."""

import json
import secrets
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from txtproof.rehearsal.name_server import NameServers, ZoneSpec
from txtproof.rehearsal.nexus import NexusStandIn
from txtproof.rehearsal.processes import Celery
from txtproof.rehearsal.valkey import EmbeddedValkey

TSIG_NAME = "rehearsal-key"
SPF = '"v=spf1 include:_spf.example.com -all"'
SPF_TTL = 300
"""Seconds; other than that of our records, so that a changed TTL shows."""


def zone_with_spf(origin: str) -> ZoneSpec:
    """Return a zone whose apex has a neighbour that must stay as it is."""
    return ZoneSpec(origin, ((origin, "TXT", SPF_TTL, (SPF,)),))


class World:
    """Everything that a worker needs, for as long as the `with` block lasts. Nothing is left behind."""

    def __init__(
        self,
        zones: Sequence[ZoneSpec],
        written: Sequence[str] | None = None,
        *,
        redis_url: str | None = None,
        tsig_secret: str | None = None,
        nexus_port: int = 0,
        dns_port: int = 0,
    ) -> None:
        self._zones = tuple(zones)
        self._written = tuple(written if written is not None else (zone.origin for zone in zones))
        self._redis_url = redis_url
        self._secret = tsig_secret or b64encode(secrets.token_bytes(32)).decode()
        self.nexus = NexusStandIn(port=nexus_port)
        self.dns = NameServers(self._zones, TSIG_NAME, self._secret, port=dns_port)
        self.redis_url = ""
        self.directory = Path()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with self._closing as opening:
            self.directory = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="txtproof-")))
            self.redis_url = self._redis_url or opening.enter_context(EmbeddedValkey()).url
            opening.enter_context(self.nexus)
            opening.enter_context(self.dns)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def settings(self) -> dict[str, str]:
        """Return the variables that make a worker live in this world."""
        credentials = self.nexus.credentials
        return {
            "TXTPROOF_REDIS__URL": self.redis_url,
            "TXTPROOF_NEXUS__BASE_URL": self.nexus.url,
            "TXTPROOF_NEXUS__BEARER_TOKEN": credentials.token,
            "TXTPROOF_NEXUS__APPLICATION_TOKEN": credentials.application_token,
            "TXTPROOF_DNS__RESOLVERS": json.dumps([self.dns.resolver]),
            "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(self.dns.port),
            "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
            "TXTPROOF_CONFIG_FILE": str(self._publishers()),
            "REHEARSAL_TSIG_SECRET": self._secret,
        }

    def worker(self, *options: str) -> Celery:
        """Return a worker that lives in this world."""
        return Celery("worker", self.settings, self.directory / "worker.log", *options)

    def beat(self) -> Celery:
        """Return a beat for it."""
        return Celery("beat", self.settings, self.directory / "beat.log")

    def _publishers(self) -> Path:
        path = self.directory / "publishers.toml"
        path.write_text(
            "[[publishers]]\n"
            'name = "rehearsal"\n'
            'kind = "rfc2136"\n'
            f"zones = {json.dumps(list(self._written))}\n"
            f'server = "{self.dns.resolver}"\n'
            f'tsig_name = "{TSIG_NAME}"\n'
            'tsig_secret = "env:REHEARSAL_TSIG_SECRET"\n'
        )
        return path
