"""A process may be killed before and after every single call to the world; the next one goes on.

Nothing is kept but the world itself. Every run is told where to die; the number goes up until a run gets through alive.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from tests.workflow.world import DOMAIN, KEY, LEASE, World
from txtproof.core.events import TERMINAL_EVENTS
from txtproof.core.model import State
from txtproof.core.observations import Cancel
from txtproof.core.orders import Request


class Killed(BaseException):
    """The process ends here; nothing that catches an Exception sees it."""


class Knife:
    """Kills at the n-th cut point; there is one before and one after every call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def cut(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def around(self, port: Any) -> Any:
        return _Cut(port, self)


class _Cut:
    def __init__(self, port: Any, knife: Knife) -> None:
        self._port = port
        self._knife = knife

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._knife.cut()
            answer = await method(*args, **kwargs)
            self._knife.cut()
            return answer

        return call


Plot = Callable[[World], None]


async def live(world: World, knife: Knife, plot: Plot) -> None:
    """Live to the end, with one death on the way; a message that was not accepted is delivered again."""
    ports = ("store", "upstream", "publishing", "lookup")
    parts = {name: knife.around(getattr(world, name)) for name in ports}
    pending: list[Any] = [Request(DOMAIN)]
    cancelling = plot is cancel
    for _ in range(400):
        try:
            while pending:
                await world.take(pending[0], store=parts["store"])
                pending.pop(0)
            await world.work(world.workflow(**parts))
        except Killed:
            # a new process on the same world; what the old one had claimed comes back with the lease
            world.clock.advance(LEASE)
            continue
        plot(world)
        found = await world.store.find(KEY)
        if cancelling and found is not None and found.state is State.CHECKING:
            cancelling = False
            pending.append(Cancel())
            continue
        if not await world.pass_on():
            return
    raise AssertionError("it never came to an end")


def straight(world: World) -> None:
    """The servers serve at once."""


def expiring(world: World) -> None:
    """The servers serve nothing until a second code was issued, some time after the first."""
    world.serving = sum(event.kind == "code-issued" for event in world.store.outbox) > 1


def cancel(world: World) -> None:
    """It is cancelled while it is being checked."""


@pytest.mark.parametrize(
    ("plot", "state", "least"), [(straight, "verified", 20), (expiring, "verified", 40), (cancel, "cancelled", 30)]
)
async def test_it_comes_to_its_one_end_wherever_it_is_killed(plot: Plot, state: str, least: int) -> None:
    deaths = 0
    while True:
        knife = Knife(at=deaths + 1)
        world = World()
        world.serving = plot is straight
        world.upstream.register(KEY, DOMAIN, lifetime=timedelta(days=1 if plot is straight else 0, minutes=5))
        await live(world, knife, plot)
        await judge(world, state)
        if knife.left > 0:
            break
        deaths += 1
    assert deaths >= least, "the knife did not reach the whole of it"


async def judge(world: World, state: str) -> None:
    v = await world.verification()
    assert v.state == state
    events = [event for event in world.store.outbox if event.verification_id == v.id]
    assert [event.kind for event in events if event.kind in TERMINAL_EVENTS] == [state]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    generations = Counter(event.data["generation"] for event in events if event.kind == "code-issued")
    assert set(generations.values()) == {1}
    assert world.upstream.overlaps == 0
    last = world.upstream.issued[KEY][-1].code
    assert world.ours() == ([last] if state == "verified" else [])
    assert world.neighbours_are_untouched()
    issued = {one.code.encode() for one in world.upstream.issued[KEY]}
    assert {call.value for call in world.publishing.publisher.calls} <= issued
    assert v.step is None
