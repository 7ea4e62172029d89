"""Hostile messages on Celery's own queue: the same worker takes a verification to its end afterwards."""

import json
import pickle
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.real_rabbitmq import RealRabbit
from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, Scene, scene

WORK = "txtproof.work"
SWEEP = "verification.sweep"
NOTHING = [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


def bell(body: Any = NOTHING, content: str = "application/json", **headers: Any) -> dict[str, Any]:
    """Make a message of Celery's protocol 2; a header that is None is left out."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"lang": "py", "task": SWEEP, "id": str(uuid4()), "root_id": "r", "parent_id": None, "group": None}
    headers = {name: value for name, value in (known | headers).items() if value is not None}
    return {"body": written, "headers": headers, "content": content}


HOSTILE = {
    "a body that is a number": bell(5),
    "a body that is a text": bell("abc"),
    "a body that is an object": bell({"args": [], "kwargs": {}}),
    "a body that is no JSON": bell(b"not json"),
    "no body": bell(b""),
    "a body of two": bell([[], {}]),
    "ten megabytes": bell([["x" * 10_000_000], {}, {}]),
    "brackets without end": bell(b"[" * 60_000),
    "a pickle": bell(pickle.dumps(NOTHING), "application/x-python-serialize"),
    "a type of content that nobody knows": bell(b"5", "application/nonsense"),
    "compressed nonsense": bell(b"5", compression="application/x-gzip"),
    "an unknown task": bell(task="os.system"),
    "a task of Celery's own": bell([["x"], {}, {}], task="celery.map"),
    "a task that is a list": bell(task=["a"]),
    "a task that is a number": bell(task=5),
    "no headers": bell(task=None, id=None, lang=None, root_id=None),
    "no id": bell(id=None),
    "protocol 1": bell({"task": SWEEP, "id": "1", "args": [], "kwargs": {}}, task=None, id=None),
    "protocol 1 without an id": bell({"task": SWEEP, "args": 5}, task=None, id=None),
    "arguments that it does not take": bell([[1, 2], {}, None]),
    "keywords that it does not take": bell([[], {"step": 1}, None]),
    "arguments of wrong types": bell([5, [], "x"]),
    "a command's arguments of wrong types": bell([[[1]], {"organizationId": []}, None], task="verification.request"),
    "callbacks": bell([[], {}, {"callbacks": [{"task": SWEEP}], "chain": 5}]),
    "an eta in the year 9999": bell(eta="9999-12-31T23:59:59"),
    "an eta that is a number": bell(eta=5),
    "an eta that is nonsense": bell(eta="tomorrow"),
    "an expiry that is nonsense": bell(expires="yesterday"),
    "an expiry that is a number": bell(expires=-5),
    "time limits of a moment": bell(timelimit=[0.01, 0.01]),
    "time limits that are nonsense": bell(timelimit="soon"),
    "stamps": bell(stamped_headers=5, stamps="x"),
    "retries without end": bell(retries=10**9),
}
NO_MESSAGES = {
    "plain text": b"hello",
    "a number": b"5",
    "an empty object": b"{}",
    "a list": b"[[]]",
    "no UTF-8": b"\xff\xfe",
    "brackets without end": b"[" * 100_000,
    "properties that are a number": b'{"properties": 5}',
    "no tag": b'{"properties": {}, "body": "x", "headers": {}}',
    "a tag that is a list": b'{"properties": {"delivery_tag": []}, "body": "x", "headers": {"task": "x"}}',
    "a body that is a number": b'{"properties": {"delivery_tag": "1"}, "body": 5}',
    "a body in no base64": b'{"properties": {"delivery_tag": "2", "body_encoding": "base64"}, "body": "="}',
    "headers that are a list": b'{"properties": {"delivery_tag": "3"}, "body": "5", "headers": [1]}',
}


class Redis:
    """Put messages on the list."""

    def __init__(self, stage: Scene) -> None:
        self.client = stage.client

    def put(self, message: dict[str, Any]) -> None:
        """Write what kombu writes."""
        envelope = {
            "body": b64encode(message["body"]).decode(),
            "content-encoding": "utf-8",
            "content-type": message["content"],
            "headers": message["headers"],
            "properties": {
                "delivery_tag": str(uuid4()),
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": WORK},
            },
        }
        self.client.lpush(WORK, json.dumps(envelope))

    def all_taken(self) -> bool:
        return not self.client.llen(WORK) and not self.client.hlen("txtproof.unacked")


class Rabbit:
    """Put messages on the queue."""

    def __init__(self, server: RealRabbit) -> None:
        self.server = server

    def put(self, message: dict[str, Any]) -> None:
        """Write what kombu writes."""
        with self.server.connect() as connection:
            connection.Producer(auto_declare=False).publish(
                message["body"],
                routing_key=WORK,
                content_type=message["content"],
                content_encoding="utf-8",
                headers={name: value for name, value in message["headers"].items() if name != "compression"},
            )

    def all_taken(self) -> bool:
        return not self.server.depth(WORK)


@contextmanager
def an_unshaken_worker(redis_url: str, server: RealServer, directory: Path, broker: str = "") -> Iterator[Scene]:
    """Let a worker live through the block: no process of it may end, and a verification follows."""
    with scene(redis_url, server, directory, broker=broker, beats=1) as stage:
        for domain_id in (1, 2):
            stage.nexus.register(ORGANIZATION, domain_id, "example.test")
        stage.send(b'{"organizationId": 42, "domainId": 1}')
        stage.wait_for(1, "verified")
        before = children(stage)
        yield stage
        stage.send(b'{"organizationId": 42, "domainId": 2}')
        stage.wait_for(2, "verified", 5)
        assert stage.kinds(2) == ["accepted", "code-issued", "record-published", "verified"]
        assert children(stage) == before
        log = stage.log.read_text()
        assert "Connection to broker lost" not in log
        assert "Traceback" not in log


def put_all(stage: Scene, queue: Redis | Rabbit) -> None:
    for what, message in HOSTILE.items():
        queue.put(message)
        wait_until(queue.all_taken, what)
        assert stage.worker.poll() is None, what
    # nothing waits in a worker's memory for its hour
    stage.nexus.register(ORGANIZATION, 3, "example.test")
    data = {"organizationId": ORGANIZATION, "domainId": 3}
    queue.put(bell([[], data, None], task="verification.request", eta="9999-12-31T23:59:59"))
    stage.wait_for(3, "verified")


def children(stage: Scene) -> set[str]:
    """Return the ids of the worker's pool processes."""
    pid = stage.worker.pid
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_no_message_on_the_list_shakes_a_worker(redis_url: str, bind: RealServer, tmp_path: Path) -> None:
    with an_unshaken_worker(redis_url, bind, tmp_path) as stage:
        redis = Redis(stage)
        for what, body in NO_MESSAGES.items():
            stage.client.lpush(WORK, body)
            wait_until(redis.all_taken, what)
            assert stage.worker.poll() is None, what
        put_all(stage, redis)


def test_no_message_on_the_queue_shakes_a_worker(
    redis_url: str, bind: RealServer, rabbitmq: RealRabbit, tmp_path: Path
) -> None:
    with an_unshaken_worker(redis_url, bind, tmp_path, rabbitmq.url) as stage:
        put_all(stage, Rabbit(rabbitmq))
