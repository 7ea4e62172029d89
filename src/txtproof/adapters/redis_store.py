"""The store on Redis or Valkey: Lua scripts, each one atomic step (docs/architecture.md); keys in redis_keys.py.

A row is one string: see lua/row.lua. Only a visit writes a document: commands wait in the row's inbox until one reads
them. All times are the server's.
"""

import logging
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from txtproof.adapters.documents import read_verification, write_verification
from txtproof.adapters.inbox_lines import read_command, write_command
from txtproof.adapters.redis_connection import SLICE, speaking
from txtproof.adapters.redis_keys import PREFIX, Keys
from txtproof.core.delays import KEPT, Delays, learned
from txtproof.core.events import Event, EventKind, Json
from txtproof.core.model import Key, State, Step, Verification
from txtproof.core.observations import Afterwards
from txtproof.core.reasons import EXPLANATIONS, Reason
from txtproof.core.removal import is_left_over
from txtproof.core.transitions import inherited
from txtproof.ports import Arrival, Claimed, Commit, Outcome, Row, Welcome

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RETENTION = timedelta(days=30)
MOST = 250
"""Rows changed by one script: the server does nothing else meanwhile, for about 4 ms."""
MOST_CLAIMED = 1_000
"""Rows leased by one script: its commands take no more than some thousand arguments."""
_AUDITED_KEPT = timedelta(hours=1)
_NOWHERE = "-"
_HEAD = 28
"""Bytes of a row before the run's id (lua/row.lua)."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


def script(redis: Redis, name: str) -> AsyncScript:
    """Return a script of ours; what it knows of rows is put in front of it."""
    row, own = (files(__package__).joinpath("lua", f"{one}.lua").read_text() for one in ("row", name))
    return redis.register_script(row + own)


class RedisStore:
    """Port `Store`.

    Scripts may be sent twice by the client library when a reply is lost: each says in its head why that is
    harmless. Every method raises StoreUnavailable where the server does not do its part. `worker` names the worker
    whose processes claim, one at a time per lane; `retention` is how long ended rows are kept
    of which nothing is left over.
    """

    def __init__(
        self,
        redis: Redis,
        encode: Callable[[Event], bytes],
        lease: timedelta = LEASE,
        *,
        worker: str = "",
        retention: timedelta = RETENTION,
        prefix: str = PREFIX,
    ) -> None:
        self._redis = redis
        self._encode = encode
        self._lease = _length(lease)
        self._retention = _length(retention)
        self._keys = Keys(prefix)
        self._held = self._keys.held(worker)
        kept = self._keys
        self._kept = (self._held, kept.events, kept.parked, kept.delays, kept.left_over)
        self._claim, self._commit, self._accept, self._recover, self._park, self._audit = (
            script(redis, name) for name in ("claim", "commit", "accept", "recover", "park", "audit")
        )

    async def now(self) -> datetime:
        """Return the server's time, in whole milliseconds: what is due now is due at once, not at the next one."""
        with speaking(self._redis):
            seconds, micros = await self._redis.time()
        return _EPOCH + timedelta(seconds=seconds, milliseconds=micros // 1000)

    async def claim(self, step: Step, limit: int) -> Claimed:
        """Lease up to `limit` due rows of a lane."""
        keys = [self._keys.lane(step), self._held]
        with speaking(self._redis):
            now, *found = await self._claim(
                keys, [self._keys.prefix, _letter(step), min(limit, MOST_CLAIMED), self._lease]
            )
        rows = [(one, _row(one)) for one in found]
        for one, row in rows:
            if row is None:
                await self._set_aside(one)
        return Claimed(_EPOCH + timedelta(milliseconds=now), tuple(row for _, row in rows if row is not None))

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Write each change whose fence still holds."""
        outcomes: list[Outcome] = []
        for batch in _batches(commits):
            rows = [self._keys.row(commit.verification.key) for commit in batch]
            changes = _packed([self._change(commit) for commit in batch])
            with speaking(self._redis):
                replies = await self._commit(
                    [*self._kept, *rows],
                    [self._keys.prefix, self._retention, changes, KEPT],
                )
            outcomes += [Outcome(reply.decode()) for reply in replies]
        return outcomes

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Welcome]:
        """Create, attach or refuse each."""
        return [welcome for batch in _batches(arrivals) for welcome in await self._accepted(batch)]

    async def recover(self, step: Step, *, blameless: bool = False) -> int:
        """Make due again what this worker holds in a lane."""
        with speaking(self._redis):
            found: int = await self._recover([self._held], [self._keys.prefix, _letter(step), int(blameless)])
        return found

    async def leave(self, rows: Sequence[Row]) -> None:
        """Leave rows to their leases."""
        with speaking(self._redis):
            await self._redis.hdel(self._held, *(str(row.verification.key) for row in rows))

    async def due(self) -> frozenset[Step]:
        """Return the lanes that have work now."""
        now = _milliseconds(await self.now())
        with speaking(self._redis):
            async with self._redis.pipeline(transaction=False) as pipe:
                for step in Step:
                    pipe.zcount(self._keys.lane(step), "-inf", now)
                counts = await pipe.execute()
        return frozenset(step for step, count in zip(Step, counts, strict=True) if count)

    async def delays(self) -> Mapping[str, Delays]:
        """Return what was learned of each publisher."""
        with speaking(self._redis):
            held = cast("dict[bytes, bytes]", await self._redis.hgetall(self._keys.delays))
        return {publisher.decode(): learned(_delays(known)) for publisher, known in held.items()}

    async def audit(self, parts: int = 1) -> int:
        """Put back rows with a step that no lane holds."""
        found = 0
        with speaking(self._redis):
            cursor = int(await self._redis.get(self._keys.audited) or 0)
            for _ in range(math.ceil(await self._redis.dbsize() / parts / SLICE)):
                cursor, rows = await self._redis.scan(cursor, match=f"{self._keys.prefix}:v:*", count=SLICE)
                if rows:
                    found += await self._audit([self._keys.parked, *rows], [self._keys.prefix])
            await self._redis.set(self._keys.audited, cursor, ex=_AUDITED_KEPT)
        return found

    async def left_over(self) -> int:
        """Return how many ended rows there are with values that are to go and that nobody removes."""
        with speaking(self._redis):
            return int(await self._redis.zcard(self._keys.left_over))

    async def _accepted(self, batch: Sequence[Arrival]) -> list[Welcome]:
        replies = await self._accept_once([self._arrival(arrival) for arrival in batch])
        while ended := [place for place, reply in enumerate(replies) if reply not in _WELCOMES]:
            again = await self._accept_once([self._heir(batch[place], replies[place]) for place in ended])
            for place, reply in zip(ended, again, strict=True):
                replies[place] = reply
        return [Welcome(reply.decode()) for reply in replies]

    async def _accept_once(self, arrivals: Sequence[list[Any]]) -> list[bytes]:
        rows = [f"{self._keys.prefix}:v:{member}" for member, *_ in arrivals]
        with speaking(self._redis):
            replies: list[bytes] = await self._accept(
                [self._keys.events, self._keys.left_over, *rows], [self._keys.prefix, _packed(arrivals)]
            )
        return replies

    def _arrival(self, arrival: Arrival, follows: bytes = b"") -> list[Any]:
        """Write an arrival as ACCEPT reads it."""
        born: list[Any] = ["", "", "", 0]
        events: tuple[Event, ...] = ()
        if arrival.newborn is not None:
            child, events = arrival.newborn
            assert child.wake is not None, "a newborn has work to do"
            born = [child.id, _bytes(_body(child)), _letter(child.step), _milliseconds(child.wake)]
        head = [str(arrival.key), _bytes(write_command(arrival.command)), *born, follows.decode()]
        return [
            *head,
            isinstance(arrival.command, Afterwards),
            *(arrival.ack or ("", "", "")),
            [_bytes(self._encode(event)) for event in events],
        ]

    def _heir(self, arrival: Arrival, ended: bytes) -> list[Any]:
        """Bring a newborn as the successor of the ended row that was found in its place."""
        assert arrival.newborn is not None, "only a newborn can find another row than expected"
        before = read_row(arrival.key, ended)
        heir = Arrival(arrival.key, arrival.command, inherited(*arrival.newborn, before), arrival.ack)
        return self._arrival(heir, ended[:16])

    def _change(self, commit: Commit) -> list[Any]:
        """Write a commit as COMMIT reads it."""
        v = commit.verification
        return [
            str(v.key),
            f"{commit.row.fence:016}",
            commit.number,
            _bytes(_body(v)),
            _letter(v.step),
            _milliseconds(v.wake) if v.wake else 0,
            v.state.terminal,
            commit.keep_lease,
            commit.in_line,
            commit.heard,
            v.parked,
            is_left_over(v),
            [_bytes(self._encode(event)) for event in commit.events],
            *((commit.served.publisher, _length(commit.served.after)) if commit.served else ()),
        ]

    async def _set_aside(self, found: Sequence[Any]) -> None:
        """Park a row that cannot be read: whoever claimed it next could not either."""
        member, value, fence = (found[place].decode(errors="replace") for place in (0, 1, 2))
        identity = value.partition("\n")[0][_HEAD:]
        log.error("%s: its row cannot be read, and is parked", member)
        key, now = Key.parse(member), await self.now()
        # nobody can tell how many events there were: the fence is more than that, so that the sequence rises
        known: dict[str, Json] = {"organizationId": key.organization_id, "domainId": key.domain_id, "domain": None}
        data = known | {"verificationId": identity or None, "state": State.BLOCKED.value} | _UNREADABLE
        event = Event(EventKind.BLOCKED, identity or member, key.subject, int(fence), now, None, data)
        keys = [self._held, self._keys.events, self._keys.parked, self._keys.row(key)]
        with speaking(self._redis):
            await self._park(keys, [self._keys.prefix, member, fence, self._encode(event)])


_packed = msgspec.msgpack.encode
"""One argument for a whole batch: redis-py writes thousands of them ten times slower."""
_WELCOMES = frozenset(welcome.encode() for welcome in Welcome)
_UNREADABLE: dict[str, Json] = {
    "reason": Reason.POISON.value,
    "title": "The row in the store cannot be read.",
    "advice": EXPLANATIONS[Reason.POISON].advice,
    "detail": "it is parked",
}


def read_row(key: Key, value: bytes) -> Verification:
    """Read a whole row; a ValueError where it is none."""
    head, _, document = value.partition(b"\n")
    return read_verification(key, head[_HEAD:].decode(), document)


def _body(v: Verification) -> bytes:
    """Write what stands after the head of a row."""
    return b"%b\n%b" % (v.id.encode(), write_verification(v))


def _row(found: Sequence[Any]) -> Row | None:
    member, value, fence, claims, commands = found
    try:
        verification = read_row(Key.parse(member.decode()), value)
        return Row(verification, int(fence), claims, tuple(map(read_command, commands)))
    except ValueError:
        return None


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[at : at + MOST] for at in range(0, len(items), MOST))


def _bytes(given: bytes) -> msgspec.Raw:
    """Write bytes as MessagePack's text (str 32): the server's reader knows no other kind of string."""
    return msgspec.Raw(b"\xdb" + len(given).to_bytes(4, "big") + given)


def _delays(known: bytes) -> list[timedelta]:
    return [_MILLISECOND * one for (one,) in struct.iter_unpack(">I", known)]


def _letter(step: Step | None) -> str:
    return step[0] if step else _NOWHERE


def _length(time: timedelta) -> int:
    return round(time / _MILLISECOND)


def _milliseconds(time: datetime) -> int:
    """Return milliseconds since 1970, rounded up: nothing may be due before its time."""
    return math.ceil((time - _EPOCH) / _MILLISECOND)
