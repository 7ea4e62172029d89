"""Credentials among real processes: what is refused or hangs is not tried by everybody, and holds up nobody else."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, Scene, scene
from txtproof.adapters.redis_keys import PREFIX, Keys
from txtproof.core.model import Key, Step
from txtproof.rehearsal.nexus import Answer

MANY = range(101, 131)


@pytest.fixture
def hanging() -> Iterator[str]:
    """A primary that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def request(stage: Scene, domain_id: int, domain: str) -> None:
    stage.nexus.register(ORGANIZATION, domain_id, domain)
    command = {"organizationId": ORGANIZATION, "domainId": domain_id, "domain": domain}
    stage.send(json.dumps(command).encode())


def states(stage: Scene, domain_ids: range) -> list[str]:
    """Return the last event's kind of each domain."""
    return [kinds[-1] if (kinds := stage.kinds(number)) else "" for number in domain_ids]


def test_a_publisher_that_hangs_holds_up_no_other_and_no_other_lane(
    redis_url: str, bind: RealServer, hanging: str, tmp_path: Path
) -> None:
    with scene(redis_url, bind, tmp_path) as stage:
        publishers = Path(stage.environ["TXTPROOF_CONFIG_FILE"])
        # the worker reads it at its start, which this is in time for
        publishers.write_text(
            publishers.read_text()
            + '[[publishers]]\nname = "slow"\nkind = "rfc2136"\nzones = ["slow.test"]\ncalls_in_flight = 4\n'
            + "check_delegation = false\n"  # nobody serves it
            + f'server = "{hanging}"\ntsig_name = "key"\ntsig_secret = "env:TSIG_SECRET"\n'
        )
        for number in MANY:
            request(stage, number, f"d{number}.slow.test")
        wait_until(lambda: states(stage, MANY).count("code-issued") == len(MANY), "all to wait for the slow publisher")
        request(stage, 7, "example.test")
        stage.wait_for(7, "verified", 8)
        assert states(stage, MANY).count("code-issued") == len(MANY)


def test_a_refused_credential_is_told_of_once_and_not_used_for_every_domain(
    redis_url: str, bind: RealServer, tmp_path: Path
) -> None:
    with scene(redis_url, bind, tmp_path) as stage:
        for number in MANY:
            stage.nexus.register(ORGANIZATION, number, "example.test")
            stage.nexus.script(ORGANIZATION, number, *[Answer(status=401)] * 3)
        for number in MANY:
            stage.send(b'{"organizationId": 42, "domainId": %d}' % number)
        wait_until(lambda: states(stage, MANY).count("blocked") == len(MANY), "all to be blocked")
        assert 1 <= len(stage.nexus.calls) <= 8, "no more than were in flight together"
        told = [one["data"] for one in stage.events() if one["type"] == "com.txtproof.credential.refused.v1"]
        assert told == [{"credential": "nexus"}]


def test_every_key_that_is_left_has_an_owner(redis_url: str, bind: RealServer, tmp_path: Path) -> None:
    with scene(redis_url, bind, tmp_path) as stage:
        request(stage, 1, "example.test")
        request(stage, 2, "elsewhere.test")
        stage.send(b"not a command")
        stage.wait_for(1, "verified")
        stage.wait_for(2, "blocked")
        wait_until(lambda: len(stage.rejected()) == 1, "the refusal")
        stage.send(b'{"organizationId": 42, "domainId": 2}')
        left: Any = stage.client.keys("*")
    unknown = [name for name in (key.decode() for key in left) if not OWNED.fullmatch(name)]
    assert not unknown, " ".join(unknown)


KEYS = Keys()
ANY = "[^:]+"
OURS = [
    KEYS.row(Key(1, 1)).replace("1/1", "[0-9]+/[0-9]+"),
    KEYS.inbox(Key(1, 1)).replace("1/1", "[0-9]+/[0-9]+"),
    *(KEYS.lane(step) for step in Step),
    KEYS.held(ANY),
    KEYS.calls("(nexus|publisher:[a-z]+)"),
    KEYS.turns,
    KEYS.delays,
    KEYS.audited,
    KEYS.parked,
    KEYS.left_over,
    KEYS.events,
    KEYS.commands,
    KEYS.rejected,
    KEYS.lock(".+"),
    KEYS.chore("(sweep|trim|remind)"),
]
KOMBUS = [
    f"{PREFIX}.(work|commands|unacked|unacked_index|unacked_mutex)",
    # which queues there are, and the way of remote control
    r"_kombu\.binding(_permanent)?\.(txtproof\.work|txtproof\.commands|celeryev|celery\.pidbox|reply\.celery\.pidbox)",
    r"_kombu\.binding_deadlines",
    # a mailbox for each process that listens to it: gone with its connection
    r"[^:]*\.reply\.celery\.pidbox|celeryev\..*",
]
OWNED = re.compile("|".join(f"({one})" for one in [*OURS, *KOMBUS]))
