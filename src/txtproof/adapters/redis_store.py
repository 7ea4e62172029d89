"""The store on Redis or Valkey: four Lua scripts, each one atomic step (docs/architecture.md).

A row is the hash `txtproof:v:ORG/DOMAIN` (doc, fence, claims, commit, step, ended, born, taken). The sorted set
`txtproof:lane:STEP` says when it is due. `txtproof:inbox:ORG/DOMAIN` holds commands until a visit reads them: only a
visit writes a document. `txtproof:events` is the outbox.
"""

import logging
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from txtproof.adapters.documents import read_command, read_verification, write_command, write_verification
from txtproof.adapters.redis_connection import slices, speaking
from txtproof.core.events import Event
from txtproof.core.model import Key, Step
from txtproof.core.transitions import inherited
from txtproof.ports import Arrival, Claimed, Commit, Outcome, Row, Welcome

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
CHANGED = b"changed"


class RedisStore:
    """Port `Store`.

    All times are the server's. Scripts may be sent twice by the client library when a reply is lost: each says in
    its head why that is harmless. Every method raises StoreUnavailable where the server does not do its part.
    """

    def __init__(
        self,
        redis: Redis,
        encode: Callable[[Event], bytes],
        lease: timedelta = LEASE,
        prefix: str = "txtproof",
        events_kept: int = 1_000_000,
    ) -> None:
        self._redis = redis
        self._encode = encode
        self._lease = lease
        self._prefix = prefix
        self._events_kept = events_kept
        self._claim, self._commit, self._accept, self._audit = (
            redis.register_script(files(__package__).joinpath("lua", f"{name}.lua").read_text())
            for name in ("claim", "commit", "accept", "audit")
        )

    async def now(self) -> datetime:
        """Return the server's time."""
        with speaking(self._redis):
            seconds, micros = await self._redis.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)

    async def claim(self, step: Step, limit: int) -> Claimed:
        """Lease up to `limit` due rows of a lane."""
        lease = round(self._lease / timedelta(milliseconds=1))
        with speaking(self._redis):
            reply: Sequence[Any] = await self._claim(keys=[self._lane(step)], args=[self._prefix, step, limit, lease])
        now, *found = reply
        rows = tuple(row for one in found if (row := _row(one)) is not None)
        return Claimed(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(now)), rows)

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Write each change whose fence still holds, all in one round trip."""
        if not commits:
            return []
        with speaking(self._redis):
            async with self._redis.pipeline(transaction=False) as pipe:
                for commit in commits:
                    await self._commit(*self._commit_arguments(commit), client=pipe)
                return [Outcome(reply.decode()) for reply in await pipe.execute()]

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Welcome]:
        """Create, attach or refuse each."""
        if not arrivals:
            return []
        with speaking(self._redis):
            replies = await self._accept_once(arrivals)
            while changed := [place for place, reply in enumerate(replies) if reply == CHANGED]:
                again = await self._accept_once([arrivals[place] for place in changed])
                for place, reply in zip(changed, again, strict=True):
                    replies[place] = reply
        return [Welcome(reply.decode()) for reply in replies]

    async def due(self) -> frozenset[Step]:
        """Return the lanes that have work now."""
        now = _milliseconds(await self.now())
        with speaking(self._redis):
            async with self._redis.pipeline(transaction=False) as pipe:
                for step in Step:
                    pipe.zcount(self._lane(step), "-inf", now)
                counts = await pipe.execute()
        return frozenset(step for step, count in zip(Step, counts, strict=True) if count)

    async def audit(self, every: timedelta = timedelta(0)) -> int:
        """Put back rows with a step that no lane holds, unless somebody did so less than `every` ago."""
        found = 0
        with speaking(self._redis):
            if every and not await self._redis.set(f"{self._prefix}:audited", 1, nx=True, ex=every):
                return 0
            async for rows in slices(self._redis, f"{self._prefix}:v:*"):
                found += await self._audit(keys=rows, args=[self._prefix])
        return found

    async def _accept_once(self, arrivals: Sequence[Arrival]) -> list[bytes]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for arrival in arrivals:
                pipe.hmget(self._row(arrival.key), "fence", "ended", "doc")
            seen = await pipe.execute()
        async with self._redis.pipeline(transaction=False) as pipe:
            for arrival, before in zip(arrivals, seen, strict=True):
                await self._accept(*self._accept_arguments(arrival, *before), client=pipe)
            replies: list[bytes] = await pipe.execute()
        return replies

    def _accept_arguments(
        self, arrival: Arrival, fence: bytes | None, ended: bytes | None, document: bytes | None
    ) -> tuple[list[str], list[Any]]:
        born: list[Any] = ["", "", "", "", ""]
        events: tuple[Event, ...] = ()
        if arrival.newborn is not None:
            child, events = arrival.newborn
            if document and ended == b"1":
                child, events = inherited(child, events, read_verification(document))
            born = [child.id, write_verification(child), child.step or "", _milliseconds(child.wake), fence or b""]
        ack = arrival.ack or ("", "", "")
        head = [self._prefix, str(arrival.key), write_command(arrival.command)]
        return self._keys(arrival.key), [*head, *born, *ack, self._events_kept, *map(self._encode, events)]

    def _commit_arguments(self, commit: Commit) -> tuple[list[str], list[Any]]:
        v = commit.verification
        return self._keys(v.key), [
            self._prefix,
            str(v.key),
            commit.row.fence,
            commit.commit_id,
            write_verification(v),
            v.step or "",
            _milliseconds(v.wake) if v.wake else "",
            int(v.state.terminal),
            int(commit.keep_lease),
            commit.row.inbox_mark,
            self._events_kept,
            *map(self._encode, commit.events),
        ]

    def _keys(self, key: Key) -> list[str]:
        return [self._row(key), f"{self._prefix}:inbox:{key}", f"{self._prefix}:events"]

    def _row(self, key: Key) -> str:
        return f"{self._prefix}:v:{key}"

    def _lane(self, step: Step) -> str:
        return f"{self._prefix}:lane:{step}"


def _row(found: Sequence[Any]) -> Row | None:
    member, document, fence, claims, mark, commands = found
    try:
        verification = read_verification(document)
        inbox = tuple(map(read_command, commands))
    except ValueError:
        # left leased: it comes back alone, again and again, and harms no neighbour
        log.error("%s: its row cannot be read", member.decode(errors="replace"))  # noqa: TRY400  # quotes the row
        return None
    return Row(verification, fence, claims, inbox, mark)


def _milliseconds(time: datetime | None) -> int:
    """Return milliseconds since 1970, rounded up: nothing may be due before its time."""
    assert time is not None, "what has a step has a wake time"
    return math.ceil((time - datetime.fromtimestamp(0, UTC)) / timedelta(milliseconds=1))
