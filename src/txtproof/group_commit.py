"""Commits of many visits in one round trip: while one lot is under way, the next one gathers."""

import asyncio
from collections.abc import Sequence

from txtproof.ports import Commit, Outcome, Store

MOST = 250
"""Commits in one round trip."""


class GroupCommit:
    """Commit on behalf of visits that run beside each other. `aclose` ends what is under way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Commit, asyncio.Future[Outcome]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def commit(self, change: Commit) -> Outcome:
        """Commit one change together with others. Raises StoreUnavailable."""
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, answered))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answered

    async def aclose(self) -> None:
        """Send nothing more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while self._waiting:
                # a visit that was cut off wants nothing committed any more
                lot = [one for one in self._waiting[:MOST] if not one[1].done()]
                del self._waiting[:MOST]
                await self._send_lot(lot)
        finally:
            self._sending = None

    async def _send_lot(self, lot: Sequence[tuple[Commit, "asyncio.Future[Outcome]"]]) -> None:
        try:
            outcomes = await self._store.commit([change for change, _ in lot])
        except BaseException as fault:  # noqa: BLE001  # it is the visits' to judge: each is told, however bad it is
            for _, answered in lot:
                if not answered.done():
                    answered.set_exception(fault)
            return
        for (_, answered), outcome in zip(lot, outcomes, strict=True):
            if not answered.done():
                answered.set_result(outcome)
