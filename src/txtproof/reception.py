"""Where commands come in: read, accept and acknowledge, or set aside with the reason.

Nothing that a stranger sends can stop it, and nothing is acknowledged before it is stored or set aside.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from txtproof.acceptance import Acceptance, Delivery
from txtproof.adapters.command_stream import CommandStream, Message
from txtproof.adapters.message_faults import problem
from txtproof.adapters.messages import KEYWORDS_ONLY, read_order, read_request, read_task
from txtproof.core.model import Key
from txtproof.core.orders import Order, Refusal
from txtproof.ports import StoreUnavailable, Welcome
from txtproof.workflow import Ring


@dataclass(frozen=True, slots=True)
class Letter:
    """A message from a queue that is not ours to acknowledge."""

    body: bytes = field(repr=False)
    task: object = None
    """The name of the Celery task that it asks for; None: it is no Celery message."""

    def read(self) -> Order | Refusal:
        """Read it as what it is."""
        return read_order(self.body) if self.task is None else read_task(self.task, self.body)


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
        try:
            answers = await self._stored(arrived)
        except StoreUnavailable:
            self._stream.start_over()
            raise
        if None in answers:
            await self._answer_at_once(ring)
        return len(arrived)

    async def _stored(self, arrived: Sequence[Message]) -> list[Refusal | None]:
        """Store what can be read of these, set aside the rest; say of each why not, in order."""
        answers = await self._accepted(
            [_delivery(read_order(message.body), self._stream.ack_of(message)) for message in arrived]
        )
        for message, refusal in zip(arrived, answers, strict=True):
            if refusal is not None:
                await self._stream.reject(message, problem(refusal))
        return answers

    async def check(self) -> None:
        """Raise StoreUnavailable where nothing could be stored now."""
        await self._acceptance.store.now()

    async def take_in(self, letters: Sequence[Letter], ring: Ring) -> list[bool]:
        """Take messages that came another way than the stream; say of each whether it was stored or set aside.

        Raises StoreUnavailable; all of them must then be brought again.
        """
        answers = await self._accepted([_delivery(letter.read()) for letter in letters])
        for letter, refusal in zip(letters, answers, strict=True):
            if refusal is not None:
                await self._stream.set_aside(letter.body, problem(refusal))
        if None in answers:
            await self._answer_at_once(ring)
        return [refusal is None for refusal in answers]

    async def hear(self, args: Sequence[object], members: Mapping[str, object], ring: Ring) -> None:
        """Take the arguments of a Celery task. Raises StoreUnavailable; the task must then be delivered again."""
        order = Refusal("wrong_type", KEYWORDS_ONLY) if args else read_request(members)
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

    async def _accepted(self, read: Sequence[Delivery | Refusal]) -> list[Refusal | None]:
        """Store what could be read, and say of each why not, in order."""
        good = [one for one in read if isinstance(one, Delivery)]
        outcomes = iter(await self._acceptance.accept(good))
        return [one if isinstance(one, Refusal) else refused(one.order.key, next(outcomes)) for one in read]

    async def _answer_at_once(self, ring: Ring) -> None:
        for step in sorted(await self._acceptance.store.due()):
            await ring(step)


def _delivery(read: Order | Refusal, ack: tuple[str, str, str] | None = None) -> Delivery | Refusal:
    return Delivery(read, ack) if isinstance(read, Order) else read


def refused(key: Key, outcome: Welcome | Refusal) -> Refusal | None:
    """Say why an order was not taken; None where it was."""
    match outcome:
        case Refusal():
            return outcome
        case Welcome.NOT_FOUND:
            return Refusal("not_found", f"there is no verification of {key}: request it first")
        case Welcome.ENDED:
            return Refusal("ended", f"the verification of {key} has ended: request it again")
        case Welcome.ACTIVE:
            return Refusal("active", f"the verification of {key} is under way: what it writes goes when it has ended")
        case _:
            return None
