"""Everybody against every class of delay: medians, p95 and questions, all by one seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import isinf
from random import Random
from statistics import mean
from typing import TypeVar

from benchmarks.results import percentile
from benchmarks.schedule.engine import PUBLISHER, Watch
from benchmarks.schedule.rivals import RIVALS, Rival, every
from benchmarks.schedule.worlds import CLASSES, WEEK, Found, World
from txtproof.core.delays import KEPT, learned
from txtproof.core.policy import Policy

T = TypeVar("T")

PUBLISHERS = 16
EARLIER = 40
"""Publications of each publisher that only teach."""
PUBLICATIONS = 50
"""Of each publisher, after those."""
NEVER = "never"
TUNED_MINUTES = range(1, 16)
MINUTES_A_WEEK = int(WEEK / 60)
COLD, LEARNED = "txtproof", "txtproof, learned"
OURS = (COLD, LEARNED)
"""Without knowing the provider, and with what earlier publications have taught."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How one of them did in one class."""

    median: float
    """Of the delay, in seconds; infinite where at least half were never found."""
    p95: float
    lost: float
    """Part that was never found."""
    questions: float
    """Asked per publication, on average."""

    def beats(self, other: "Figure") -> bool:
        """Say whether it is both faster and cheaper, by the median or by the p95."""
        faster = self.median < other.median or self.p95 < other.p95
        return faster and self.questions < other.questions


Side = Callable[[Sequence[Sequence[World]]], list[Found]]
"""Watches what each publisher publishes, in that order."""
Figures = dict[str, dict[str, Figure]]
"""By class, then by name."""
Tuned = dict[tuple[str, str], list[int]]
"""Minutes, by the side of ours that they beat and the class in which they do."""


def measured(seed: int) -> Figures:
    """Let everybody watch the same publications; all rivals are in it, and each side of ours."""
    sides = {COLD: _watching(_cold), LEARNED: _learning} | {rival.name: _watching(rival.watch) for rival in RIVALS}
    figures: Figures = {}
    for name in CLASSES:
        published = _published(name, seed)
        figures[name] = {who: _figure(side(published)) for who, side in sides.items()}
    return figures


def beaten(figures: Figures) -> list[tuple[str, str, str]]:
    """Return the class, the rival and the side of ours wherever a rival is both faster and cheaper."""
    return [
        (name, rival, ours)
        for name, one in figures.items()
        for ours in OURS
        for rival in one.keys() - set(OURS)
        if one[rival].beats(one[ours])
    ]


def tuned(figures: Figures, seed: int) -> Tuned:
    """Return which even pauses would beat ours in a class: a poller that knows its provider."""
    pollers = {minutes: Rival("", every(60.0 * minutes), "") for minutes in TUNED_MINUTES}
    found: Tuned = {}
    for name, one in figures.items():
        published = _published(name, seed)
        even = {minutes: _figure(_watching(poller.watch)(published)) for minutes, poller in pollers.items()}
        for ours in OURS:
            better = [minutes for minutes, figure in even.items() if figure.beats(one[ours])]
            if better:
                found[ours, name] = better
    return found


def _published(name: str, seed: int) -> list[list[World]]:
    # what never comes teaches nothing, and takes a thousand looks
    publishers, publications = (1, 4) if name == NEVER else (PUBLISHERS, EARLIER + PUBLICATIONS)
    drawn = []
    for number in range(publishers):
        chance = Random(f"{seed}/{name}/{number}")
        publisher = CLASSES[name](chance)
        drawn.append([publisher(chance) for _ in range(publications)])
    return drawn


def _watching(watch: Callable[[World], Found]) -> Side:
    return lambda published: [watch(world) for one in published for world in _later(one)]


def _cold(world: World) -> Found:
    return Watch(repr(world), world, Policy()).run()


def _learning(published: Sequence[Sequence[World]]) -> list[Found]:
    return [found for one in published for found in _learning_of(one)]


def _learning_of(publisher: Sequence[World]) -> Sequence[Found]:
    """Watch a publisher's publications, each by what those before have taught."""
    found: list[Found] = []
    known: list[timedelta] = []
    for world in publisher:
        delays = {PUBLISHER: learned(known[-KEPT:])} if known else {}
        watch = Watch(repr(world), world, Policy(delays=delays))
        found.append(watch.run())
        known += [watch.learned] if watch.learned is not None else []
    return _later(found)


def _later(publications: Sequence[T]) -> Sequence[T]:
    """Return those that count."""
    return publications[-PUBLICATIONS:]


def _figure(found: Sequence[Found]) -> Figure:
    delays = sorted(one.delay for one in found)
    return Figure(
        median=percentile(delays, 0.5),
        p95=percentile(delays, 0.95),
        lost=sum(map(isinf, delays)) / len(delays),
        questions=mean(one.questions for one in found),
    )
