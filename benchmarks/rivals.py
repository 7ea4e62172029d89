"""One run of the baseline, and one of the engine, each on fresh ground."""

import sys
import time
from dataclasses import dataclass, field
from statistics import median

from celery import Celery

from benchmarks import baseline
from benchmarks.children import Child
from benchmarks.engine import Engine, Ground
from benchmarks.lane import Lane, wait_for_start
from benchmarks.machine import CpuWatch, memory, session_of
from benchmarks.rows import domain_of, seed

STARTS_WITHIN = 60.0
SETTLES = 3.0
"""Seconds after the first look that no window covers."""
TICK = 0.05
FROM, TO = 0.1, 0.9
"""The part of a wave in which every lane is full: no first bell, no last stragglers."""
BUDGET = 50.0
"""Seconds of waves after which no new one is begun."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How a baseline worker is started."""

    kind: str
    processes: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.processes}"


@dataclass(slots=True)
class Run:
    """What one run gave."""

    first: float = 0.0
    """Looks per second at names whose zone is not known yet."""
    later: float = 0.0
    """Looks per second afterwards; 0 where there was no time for any."""
    questions: float = 0.0
    """Questions of all types per look."""
    cpu: dict[str, float] = field(default_factory=dict)
    """CPU seconds of each group per 1,000 looks."""
    memory: dict[str, int] = field(default_factory=dict)


def run_baseline(count: int, window: float, pool: Pool) -> Run:
    """Have the baseline look at `count` domains for so many seconds. Its looks are Knot's count of TXT questions."""
    with Ground() as ground:
        before = ground.used_memory()
        with Celery(broker=ground.valkey.url) as sender:
            for number in range(1, count + 1):
                sender.send_task(baseline.NAME, (domain_of(number), "x" * 32))
        with _baseline_worker(ground, pool) as worker:
            _wait_for_baseline(ground, worker, min(100, count))
            pids = session_of(worker.pid)
            watch = CpuWatch({"workers": pids, **_servers(ground)})
            asked, begun = ground.knot.questions()["TXT"], time.monotonic()
            time.sleep(window)
            looks = ground.knot.questions()["TXT"] - asked
            rate = looks / (time.monotonic() - begun)
            held = {
                "bytes per domain in Valkey": round((ground.used_memory() - before) / count),
                "main process": memory(worker.pid).resident,
                "largest process": max(memory(pid).resident for pid in pids),
            }
            return Run(rate, rate, 1.0, _per_thousand(watch.spent(), looks), held)


def _baseline_worker(ground: Ground, pool: Pool) -> Child:
    environ = {"BASELINE_BROKER": ground.valkey.url, "BASELINE_DNS_PORT": str(ground.knot.port)}
    options = ["-P", pool.kind, "-c", str(pool.processes), "--loglevel", "WARNING"]
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.baseline", "worker", *options]
    return Child(command, ground.directory / "baseline.log", {**environ, **ground.private_files()})


def _wait_for_baseline(ground: Ground, worker: Child, looks: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while ground.knot.questions().get("TXT", 0) < looks:
        worker.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the baseline does not start:\n{worker.log.read_text()[-2000:]}")
        time.sleep(0.1)
    time.sleep(SETTLES)


def run_engine(count: int, workers: int, waves: int) -> Run:
    """Have the engine look at `count` rows, wave after wave: the first one at names that it has never seen."""
    with Ground() as ground:
        seed(ground.valkey.url, count, 0)
        lane = Lane(ground.valkey.url)
        mark = lane.now()
        with Engine(ground, ground.settings(), workers) as engine:
            wait_for_start(lane, mark, count, STARTS_WITHIN)
            run = Run(_wave(lane, engine, mark, count))
            later: list[float] = []
            begun = time.monotonic()
            while len(later) + 1 < waves and time.monotonic() - begun < BUDGET:
                later.append(_later_wave(ground, lane, engine, count, run))
            run.later = median(later) if later else 0.0
            run.memory = {
                "main process": max(memory(pid).resident for pid in engine.main_pids()),
                "largest process": max(memory(pid).resident for pid in engine.worker_pids()),
            }
            return run


def _later_wave(ground: Ground, lane: Lane, engine: Engine, count: int, run: Run) -> float:
    """Hold the workers until all is due again, and follow the wave; the last one's questions and CPU are kept."""
    engine.freeze()
    mark, due = _wait_until_due(lane, count)
    before = ground.knot.questions()
    watch = CpuWatch({"workers": engine.worker_pids(), "beat": [engine.beat_pid], **_servers(ground)})
    engine.thaw()
    rate = _wave(lane, engine, mark, due)
    after = ground.knot.questions()
    run.questions = round((sum(after.values()) - sum(before.values())) / due, 2)
    run.cpu = _per_thousand(watch.spent(), due)
    return rate


def _servers(ground: Ground) -> dict[str, list[int]]:
    return {"Valkey": [ground.valkey_pid], "Knot": [ground.knot.pid]}


def _wave(lane: Lane, engine: Engine, mark: int, count: int) -> float:
    """Follow a wave to its end; return the looks per second while the lane was full."""
    times: list[tuple[int, int]] = []
    deadline = time.monotonic() + 10 * STARTS_WITHIN
    while not times or times[-1][1] < count * TO:
        engine.check()
        sample = lane.sample(mark)
        times.append((sample.now, sample.done(count)))
        if time.monotonic() > deadline:
            raise RuntimeError(f"a wave does not end: {sample}")
        time.sleep(TICK)
    begin = next(one for one in times if one[1] >= count * FROM)
    rate = (times[-1][1] - begin[1]) / max(times[-1][0] - begin[0], 1) * 1000
    while lane.sample(mark).left:
        time.sleep(TICK)
    return rate


def _wait_until_due(lane: Lane, count: int) -> tuple[int, int]:
    """Wait until all that is not in the frozen workers' hands is due; return the time then, and how many are."""
    while True:
        mark = lane.now()
        sample = lane.sample(mark)
        if sample.left + sample.leased >= count:
            return mark, sample.left
        time.sleep(0.05)


def _per_thousand(spent: dict[str, float], looks: int) -> dict[str, float]:
    return {name: round(seconds / max(looks, 1) * 1000, 3) for name, seconds in spent.items()}
