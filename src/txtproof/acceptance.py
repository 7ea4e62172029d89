"""The one `accept` behind every way in: the stream, Celery, the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from txtproof.core.admission import admitted
from txtproof.core.observations import Attach, Resume
from txtproof.core.orders import Order, Refusal, Request
from txtproof.core.policy import Policy
from txtproof.core.schedule import spread
from txtproof.ports import Arrival, Store, Turns, Welcome


@dataclass(frozen=True, slots=True)
class Delivery:
    """An order, and the message that brought it, if that is to be acknowledged."""

    order: Order
    ack: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Store orders, so that they cannot be lost any more."""

    store: Store
    policy: Policy
    new_id: Callable[[], str]
    turns: Turns

    async def accept(self, deliveries: Sequence[Delivery]) -> list[Welcome | Refusal]:
        """Store each order and acknowledge its message, in one atomic step per order; say what became of each.

        An order that is refused, or that needs an active verification and finds none, changes nothing and
        acknowledges nothing: what to do with its message is the caller's choice. Raises StoreUnavailable; every
        order may then be brought again.
        """
        now = await self.store.now()
        arrivals = [self._arrival(delivery, now, len(deliveries)) for delivery in deliveries]
        stored = iter(await self.store.accept([one for one in arrivals if isinstance(one, Arrival)]))
        if any(isinstance(delivery.order.wish, Resume) for delivery in deliveries):
            # a person has acted: a credential that was mended need not wait for its next try
            await self.turns.reopen()
        return [one if isinstance(one, Refusal) else next(stored) for one in arrivals]

    def _arrival(self, delivery: Delivery, now: datetime, together: int) -> Arrival | Refusal:
        key, wish = delivery.order.key, delivery.order.wish
        if not isinstance(wish, Request):
            return Arrival(key, wish, ack=delivery.ack)
        identity = self.new_id()
        born = admitted(identity, key, wish, now, self.policy, spread(together, identity))
        if isinstance(born, Refusal):
            return born
        attach = Attach(wish.deadline, wish.domain, wish.correlation_id)
        return Arrival(key, attach, newborn=(born.verification, born.events), ack=delivery.ack)
