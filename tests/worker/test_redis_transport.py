"""kombu's transport over Redis after its connection is gone: nothing that comes too late ends the worker."""

from collections.abc import Callable

import kombu
import pytest
import redis

from txtproof.rehearsal.valkey import EmbeddedValkey
from worker.redis_transport import Transport

QUEUE = "lost"


@pytest.mark.usefixtures("valkey")
@pytest.mark.parametrize(
    "late",
    [lambda message: message.ack_log_error(None, ()), lambda message: message.reject_log_error(None, (), requeue=True)],
    ids=["acknowledged", "rejected"],
)
def test_a_message_that_is_answered_after_its_connection_has_gone_stays_where_it_is(
    late: Callable[[kombu.Message], None],
) -> None:
    with EmbeddedValkey() as store:
        lost = kombu.Connection(store.url, transport=Transport)
        with lost.SimpleQueue(QUEUE) as queue:
            queue.put({"a": "bell"})
        message = kombu.Queue(QUEUE, channel=lost.channel()).get()
        assert message is not None
        store.kill()
        lost.collect()
        store.start()
        late(message)
        with redis.Redis.from_url(store.url) as client:
            assert client.hlen("unacked") == 1
