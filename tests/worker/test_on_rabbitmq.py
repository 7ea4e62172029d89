"""RabbitMQ as broker and intake: real Celery processes, and the queue that other services write to."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import pytest

from tests.real_rabbitmq import RealRabbit
from tests.real_servers import RealServer
from tests.waiting import wait_until
from tests.worker.scene import ORGANIZATION, Scene, scene
from txtproof.rehearsal.processes import Celery
from txtproof.rehearsal.valkey import EmbeddedValkey

QUEUE = "txtproof.commands"
REJECTED = "txtproof.rejected"


def data(domain_id: int, **more: Any) -> dict[str, Any]:
    return {"organizationId": ORGANIZATION, "domainId": domain_id, "domain": "example.test", **more}


def event(domain_id: int) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "type": "com.txtproof.verification.request.v1",
            "source": "/tests",
            "id": "1",
            "data": data(domain_id),
        }
    ).encode()


class Sender:
    """Another service: it names the queue and nothing else."""

    def __init__(self, rabbit: RealRabbit) -> None:
        self.rabbit = rabbit

    def send(self, body: bytes, **options: Any) -> None:
        """Publish as any client does, through the default exchange."""
        with self.rabbit.connect() as connection:
            producer = connection.Producer(auto_declare=False)
            producer.publish(body, routing_key=QUEUE, serializer=None, content_type="application/json", **options)

    def ask(self, *args: Any, **members: Any) -> None:
        """Send the Celery task as README says."""
        with celery.Celery(broker=self.rabbit.url, set_as_current=False) as producer:
            producer.send_task("verification.request", args=args, kwargs=members, queue=QUEUE, declare=[])

    def refused(self) -> list[bytes]:
        """Take what lies in the dead-letter queue."""
        found = []
        with self.rabbit.connect() as connection:
            channel: Any = connection.default_channel
            channel.auto_decode = False
            while (message := channel.basic_get(REJECTED, no_ack=True)) is not None:
                found.append(message.body or b"")
        return found


@pytest.fixture
def sender(rabbitmq: RealRabbit) -> Sender:
    return Sender(rabbitmq)


@pytest.fixture
def stage(redis_url: str, bind: RealServer, rabbitmq: RealRabbit, tmp_path: Path) -> Iterator[Scene]:
    with scene(redis_url, bind, tmp_path, broker=rabbitmq.url) as stage:
        for domain_id in range(1, 10):
            stage.nexus.register(ORGANIZATION, domain_id, "example.test")
        yield stage


def consumers(rabbit: RealRabbit) -> int:
    """Count the workers that consume the queue; none where it is not declared yet."""
    with rabbit.connect() as connection:
        channel: Any = connection.default_channel
        try:
            return int(channel.queue_declare(QUEUE, passive=True).consumer_count)
        except connection.channel_errors:
            return 0


def test_commands_come_in_on_the_queue_and_on_the_stream_alike(stage: Scene, sender: Sender) -> None:
    wait_until(lambda: consumers(sender.rabbit) == 1, "a worker")
    stage.send(json.dumps(data(1)).encode())
    sender.send(json.dumps(data(2)).encode())
    sender.send(event(3))
    sender.ask(**data(4))
    for domain_id in (1, 2, 3, 4):
        stage.wait_for(domain_id, "verified")
    assert stage.rejected() == []
    assert sender.rabbit.depth(QUEUE) == 0
    assert stage.client.llen("txtproof.work") == 0, "no bell travels through Redis"


def test_what_is_refused_is_on_the_stream_with_its_problem_and_whole_behind_the_dead_letter_exchange(
    stage: Scene, sender: Sender
) -> None:
    wait_until(lambda: consumers(sender.rabbit) == 1, "a worker")
    large = b"x" * 10_000_000
    bad = {
        b"hello": "not_json",
        b"5": "not_an_object",
        b"": "not_json",
        b"[" * 50_000: "too_deep",
        b'{"organizationId": 42, "domainId": 0}': "out_of_range",
        large: "too_large",
    }
    for body in bad:
        sender.send(body)
    sender.ask(1, **data(5))
    sender.ask(**data(5, colour="red"))
    sender.send(b"[[], {}, {}]", headers={"task": "os.system"})
    sender.send(event(6))
    stage.wait_for(6, "verified")
    wait_until(lambda: len(stage.rejected()) == 9, "nine refusals")
    assert sorted(map(problem, stage.rejected())) == sorted(
        [*bad.values(), "wrong_type", "unknown_member", "unknown_type"]
    )
    wait_until(lambda: sender.rabbit.depth(REJECTED) == 9, "nine dead letters")
    assert set(bad) < set(sender.refused())
    assert stage.kinds(5) == []


def problem(entry: Any) -> str:
    """Return the reason of an entry of the stream."""
    return str(json.loads(entry[1][b"problem"])["type"]).rsplit(":", 1)[-1]


def test_a_rabbitmq_that_crashes_keeps_the_commands_and_gets_its_workers_back(stage: Scene, sender: Sender) -> None:
    wait_until(lambda: consumers(sender.rabbit) == 1, "a worker")
    sender.send(event(1))
    stage.wait_for(1, "verified")
    sender.rabbit.kill()
    # no bell is heard now, and the row waits
    stage.send(json.dumps(data(2)).encode())
    stage.wait_for(2, "accepted")
    sender.rabbit.start()
    sender.send(event(3))
    for domain_id in (2, 3):
        stage.wait_for(domain_id, "verified", 40)


def test_while_the_store_is_away_commands_wait_on_the_queue(bind: RealServer, sender: Sender, tmp_path: Path) -> None:
    with (
        EmbeddedValkey() as store,
        scene(store.url, bind, tmp_path, broker=sender.rabbit.url) as stage,
    ):
        stage.nexus.register(ORGANIZATION, 1, "example.test")
        wait_until(lambda: consumers(sender.rabbit) == 1, "a worker")
        store.kill()
        sender.send(event(1))
        sender.send(b"5")
        wait_until(lambda: "the store is away" in stage.log.read_text(), "the intake to notice")
        wait_until(lambda: sender.rabbit.depth(QUEUE) == 2, "the messages to be back on the queue")
        store.start()
        stage.wait_for(1, "verified", 40)
        assert list(map(problem, stage.rejected())) == ["not_an_object"]


def test_a_worker_with_both_intakes_ends_within_seconds_of_being_asked(
    stage: Scene, sender: Sender, tmp_path: Path
) -> None:
    wait_until(lambda: consumers(sender.rabbit) == 1, "a worker")
    log = tmp_path / "second.log"
    with Celery("worker", stage.environ, log, "-n", "second@%h") as second:
        wait_until(lambda: consumers(sender.rabbit) == 2, "the second worker")
        second.terminate()
        wait_until(lambda: second.poll() is not None, f"its end\n{log.read_text()}", 5)
        assert second.poll() == 0
    # a thread that was left says so
    assert not re.findall('"level": "(?:warning|error|critical)".*|Traceback.*', log.read_text())
    assert consumers(sender.rabbit) == 1
