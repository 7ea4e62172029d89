"""From command to `verified`: one verification at a time, and in an open loop, on loopback servers.

Two clocks: from outside, the time from the moment at which a command was to be sent to the arrival of its event; and
the times in the events themselves, from `accepted` to `verified`.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks import limits, results
from benchmarks.bare import bare_calls
from benchmarks.bind import Bind
from benchmarks.children import Child, run_main
from benchmarks.engine import Engine, Ground
from benchmarks.knot import KEY, ZONE
from benchmarks.rows import ORGANIZATION, domain_of
from txtproof.rehearsal.nexus import Credentials

WARM_UP = 5
ENDS_WITHIN = 60.0
"""Seconds for what is still under way when the last command was sent."""


class Watch:
    """Follow the outbox: when each verification's events arrived, and when they say that they happened."""

    def __init__(self, url: str) -> None:
        self.arrived: dict[int, float] = {}
        self.accepted: dict[int, datetime] = {}
        self.verified: dict[int, datetime] = {}
        self.others: dict[str, int] = {}
        self._redis = redis.Redis.from_url(url)
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._redis.close()

    def wait_for(self, numbers: range, seconds: float) -> bool:
        """Wait until all of them are verified; say whether they are."""
        with self._news:
            return self._news.wait_for(lambda: all(one in self.arrived for one in numbers), seconds)

    def _follow(self) -> None:
        last: Any = "0"
        while not self._stopping.is_set():
            reply: Any = self._redis.xread({"txtproof:events": last}, count=500, block=200)
            now = time.monotonic()
            for _, entries in reply or ():
                for last, fields in entries:  # noqa: B007  # where to read on
                    self._hear(json.loads(fields[b"event"]), now)
            with self._news:
                self._news.notify_all()

    def _hear(self, event: dict[str, Any], now: float) -> None:
        if not event["type"].startswith("com.txtproof.verification."):
            return
        number, kind = int(event["subject"].rpartition("/")[2]), event["type"].split(".")[-2]
        happened = datetime.fromisoformat(event["time"])
        if kind == "accepted":
            self.accepted[number] = happened
        elif kind == "verified":
            self.arrived[number], self.verified[number] = now, happened
        else:
            self.others[kind] = self.others.get(kind, 0) + 1


def main() -> None:
    """Run it."""
    given = results.arguments(__doc__ or "", ("--rate", {"type": float, "help": "verifications per second"}))
    singles, rate, seconds, times = (5, 20.0, 2.0, 1) if given.quick else (100, 200.0, 20.0, 5)
    rate = given.rate or rate
    flood = round(rate * seconds)
    with Ground() as ground, Bind() as bind, _nexus(ground, WARM_UP + singles + times * flood + singles) as url:
        settings = _settings(ground, bind, url)
        with Engine(ground, settings) as engine, Watch(ground.valkey.url) as watch:
            _one_at_a_time(ground, watch, engine, range(1, WARM_UP + 1))
            first = WARM_UP + 1
            single = _one_at_a_time(ground, watch, engine, range(first, first + singles))
            first += singles
            loops = [
                _open_loop(ground, watch, engine, range(first + number * flood, first + (number + 1) * flood), rate)
                for number in range(times)
            ]
            first += times * flood
        bare = bare_calls(url, bind, range(first, first + singles))
        floor = {"p50": _ms(bare, 0.5), "p99": _ms(bare, 0.99)}
        loop = sorted(loops, key=lambda one: one["outside"]["p50"])[times // 2]
        figures = {
            "bare calls": floor,
            "one at a time": single,
            "open loop": loop,
            "open loops": [one["outside"] for one in loops],
            "other events": watch.others,
        }
    results.write("latency", figures, quick=given.quick)


def _one_at_a_time(ground: Ground, watch: Watch, engine: Engine, numbers: range) -> dict[str, Any]:
    sent: dict[int, float] = {}
    for number in numbers:
        sent[number] = time.monotonic()
        _send(ground, number)
        if not watch.wait_for(range(number, number + 1), ENDS_WITHIN):
            engine.check()
            raise RuntimeError(f"{domain_of(number)} is not verified within {ENDS_WITHIN:.0f} s: {watch.others}")
    return _figures(watch, sent)


def _open_loop(ground: Ground, watch: Watch, engine: Engine, numbers: range, rate: float) -> dict[str, Any]:
    """Send at a fixed rate, whatever comes back; each is late from when it was to be sent, not from when it was."""
    begun = time.monotonic()
    planned = {number: begun + place / rate for place, number in enumerate(numbers)}
    for number, at in planned.items():
        time.sleep(max(0.0, at - time.monotonic()))
        _send(ground, number)
    sent_for = time.monotonic() - begun
    watch.wait_for(numbers, ENDS_WITHIN)
    engine.check()
    verified = [watch.arrived[number] for number in numbers if number in watch.arrived]
    in_time = sum(at <= begun + sent_for for at in verified)
    return {
        "offered per second": round(len(numbers) / sent_for, 1),
        "verified per second meanwhile": round(in_time / sent_for, 1),
        **_figures(watch, planned),
    }


def _figures(watch: Watch, sent: dict[int, float]) -> dict[str, Any]:
    """Return the percentiles; what is not verified counts with all its time until now."""
    now = time.monotonic()
    outside = [watch.arrived.get(number, now) - at for number, at in sent.items()]
    inside = [
        (watch.verified[number] - watch.accepted[number]).total_seconds() for number in sent if number in watch.verified
    ]
    return {
        "verifications": len(sent),
        "unfinished": sum(number not in watch.arrived for number in sent),
        "outside": {"p50": _ms(outside, 0.5), "p99": _ms(outside, 0.99)},
        "by event times": {"p50": _ms(inside, 0.5), "p99": _ms(inside, 0.99)},
    }


def _ms(seconds: list[float], part: float) -> float | None:
    return round(results.percentile(sorted(seconds), part) * 1000, 1) if seconds else None


def _send(ground: Ground, number: int) -> None:
    data = {"organizationId": ORGANIZATION, "domainId": number, "domain": domain_of(number)}
    ground.client.xadd("txtproof:commands", {"event": json.dumps(data)})


@contextmanager
def _nexus(ground: Ground, domains: int) -> Iterator[str]:
    log = ground.directory / "nexus.log"
    with ExitStack() as opening:
        child = opening.enter_context(Child([sys.executable, "-m", "benchmarks.nexus", str(domains)], log))
        deadline = time.monotonic() + ENDS_WITHIN
        while not (said := log.read_text()).endswith("\n"):
            child.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"Nexus does not start:\n{said[-2000:]}")
            time.sleep(0.05)
        yield said.splitlines()[-1]


def _settings(ground: Ground, bind: Bind, nexus_url: str) -> dict[str, str]:
    known = Credentials()
    publishers = ground.directory / "publishers.toml"
    publishers.write_text(
        f'[[publishers]]\nname = "bench"\nkind = "rfc2136"\nzones = ["{ZONE}"]\nserver = "{bind.server}"\n'
        f'tsig_name = "{KEY}"\ntsig_secret = "env:BENCH_TSIG_SECRET"\n{limits.of_publisher()}'
    )
    return {
        **ground.settings(),
        "TXTPROOF_NEXUS__BASE_URL": nexus_url,
        "TXTPROOF_NEXUS__BEARER_TOKEN": known.token,
        "TXTPROOF_NEXUS__APPLICATION_TOKEN": known.application_token,
        "TXTPROOF_CONFIG_FILE": str(publishers),
        "BENCH_TSIG_SECRET": bind.secret,
        "TXTPROOF_DNS__RESOLVERS": json.dumps([bind.server]),
        "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(bind.port),
        **limits.high(),
    }


if __name__ == "__main__":
    run_main(main)
