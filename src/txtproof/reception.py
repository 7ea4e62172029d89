"""Where commands come in: read, accept and acknowledge, or set aside with the reason.

Nothing that a stranger sends can stop it, and nothing is acknowledged before it is stored or set aside.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from txtproof.acceptance import Acceptance, Delivery
from txtproof.adapters.command_stream import CommandStream
from txtproof.adapters.message_faults import problem
from txtproof.adapters.messages import read_order, read_request
from txtproof.core.model import Key
from txtproof.core.orders import Order, Refusal
from txtproof.ports import Welcome
from txtproof.workflow import Ring


class Reception:
    """Take commands from the stream, from Celery and from people."""

    def __init__(self, acceptance: Acceptance, stream: CommandStream) -> None:
        self._acceptance = acceptance
        self._stream = stream

    async def receive(self, limit: int, wait: timedelta, ring: Ring) -> int:
        """Take up to `limit` messages from the stream, waiting that long for the first; return how many came.

        Raises StoreUnavailable; what was not stored by then comes again.
        """
        arrived = await self._stream.read(limit, wait)
        orders = [(message, read_order(message.body)) for message in arrived]
        good = [(message, order) for message, order in orders if isinstance(order, Order)]
        outcomes = await self._acceptance.accept([Delivery(order, self._stream.ack_of(one)) for one, order in good])
        answers = [
            (message, refused(order.key, outcome)) for (message, order), outcome in zip(good, outcomes, strict=True)
        ]
        answers += [(message, refusal) for message, refusal in orders if isinstance(refusal, Refusal)]
        for message, refusal in answers:
            if refusal is not None:
                await self._stream.reject(message, problem(refusal))
        if good:
            await self._answer_at_once(ring)
        return len(arrived)

    async def hear(self, args: Sequence[object], members: Mapping[str, object], ring: Ring) -> None:
        """Take the arguments of a Celery task. Raises StoreUnavailable; the task must then be delivered again."""
        order = Refusal("wrong_type", "write keyword arguments only") if args else read_request(members)
        refusal = order if isinstance(order, Refusal) else await self.take(order)
        if refusal is None:
            await self._answer_at_once(ring)
        else:
            body = json.dumps({"args": list(args), **members}, default=repr).encode()
            await self._stream.set_aside(body, problem(refusal))

    async def take(self, order: Order) -> Refusal | None:
        """Take one order; say why not."""
        (outcome,) = await self._acceptance.accept([Delivery(order)])
        return refused(order.key, outcome)

    async def _answer_at_once(self, ring: Ring) -> None:
        for step in sorted(await self._acceptance.store.due()):
            await ring(step)


def refused(key: Key, outcome: Welcome | Refusal) -> Refusal | None:
    """Say why an order was not taken; None where it was."""
    match outcome:
        case Refusal():
            return outcome
        case Welcome.NOT_FOUND:
            return Refusal("not_found", f"there is no verification of {key}: request it first")
        case Welcome.ENDED:
            return Refusal("ended", f"the verification of {key} has ended: request it again")
        case _:
            return None
