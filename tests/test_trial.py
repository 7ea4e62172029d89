"""A trial leaves nothing behind, whatever the provider answers and whenever it is broken off."""

import asyncio

import pytest

from txtproof import trial
from txtproof.core.observations import Ambiguous, Blocked, Routed, Unreachable
from txtproof.core.reasons import Reason
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.zones import MemoryZones
from txtproof.trial import Finding, Outcome, Trial

ZONE, NAME = "example.test", "_verify.example.test"
WAY = Routed("corp", ZONE, NAME)
LABEL, VALUE = "txtproof-check-1", b"the-value-that-is-never-shown"
BELOW = f"{LABEL}.{NAME}"
AWAY = Unreachable(Reason.PUBLISHER_UNREACHABLE, "no answer")
LOST = Ambiguous(Reason.PUBLISHER_UNREACHABLE, "no answer to an update")
REFUSED = Blocked(Reason.PUBLISHER_REFUSED, "not this name")


class Scene:
    """A provider in memory, and what was told of a trial there."""

    def __init__(self) -> None:
        self.zones = MemoryZones(ZONE)
        self.zones.put(NAME, 300, b"a neighbour's")
        self.zones.put(BELOW, 120, b"another neighbour's")
        self.publisher = MemoryPublisher(self.zones)
        self.before = self.zones.snapshot(ZONE)
        self.findings: list[Finding] = []

    async def run(self, way: Routed = WAY) -> list[tuple[str, Outcome]]:
        await Trial(self.publisher, way, LABEL, VALUE, self.findings.append).run()
        return self.outcomes

    @property
    def outcomes(self) -> list[tuple[str, Outcome]]:
        assert VALUE.decode() not in repr(self.findings)
        return [(one.step, one.outcome) for one in self.findings]

    @property
    def is_as_it_was(self) -> bool:
        return self.zones.snapshot(ZONE) == self.before


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(trial, "PAUSE", 0.0)
    return Scene()


async def test_all_is_tried_and_nothing_stays(scene: Scene) -> None:
    assert await scene.run() == [(step, Outcome.DONE) for step in ("read", "write", "read_back", "remove")]
    assert scene.is_as_it_was


@pytest.mark.parametrize("answer", [LOST, AWAY])
@pytest.mark.parametrize("apply", [False, True])
async def test_a_write_that_nobody_knows_of_is_removed(scene: Scene, answer: Ambiguous, apply: bool) -> None:
    scene.publisher.fail_next(answer, apply=apply)
    assert await scene.run() == [
        ("read", Outcome.DONE),
        ("write", Outcome.UNREACHED),
        ("remove", Outcome.DONE),
    ]
    assert scene.is_as_it_was


@pytest.mark.parametrize("apply", [False, True])
async def test_a_refused_write_is_removed_where_it_is_there_all_the_same(scene: Scene, apply: bool) -> None:
    scene.publisher.fail_next(REFUSED, apply=apply)
    told = await scene.run()
    assert told[:2] == [("read", Outcome.DONE), ("write", Outcome.REFUSED)]
    assert told[2:] == ([("remove", Outcome.DONE)] if apply else [])
    assert scene.findings[1].sentence.endswith(
        f"not this name. A credential for {NAME} alone is refused here, and may write that all the same."
    )
    assert scene.is_as_it_was


async def test_a_removal_is_tried_again(scene: Scene) -> None:
    scene.publisher.fail_next(LOST, apply=True)
    scene.publisher.fail_next(AWAY)
    scene.publisher.fail_next(LOST)
    assert (await scene.run())[-1] == ("remove", Outcome.DONE)
    assert scene.is_as_it_was


@pytest.mark.parametrize(("answer", "outcome"), [(AWAY, Outcome.UNREACHED), (REFUSED, Outcome.REFUSED)])
async def test_what_could_not_be_removed_is_named(scene: Scene, answer: Unreachable, outcome: Outcome) -> None:
    scene.publisher.fail_next(LOST, apply=True)
    for _ in range(trial.REMOVALS):
        scene.publisher.fail_next(answer)
    assert (await scene.run())[-1] == ("remove", outcome)
    assert f"a TXT record may still stand at {BELOW}, remove it by hand" in scene.findings[-1].sentence


async def test_what_is_there_after_its_removal_is_named(scene: Scene) -> None:
    scene.publisher.fail_next(LOST, apply=True)
    kept = scene.publisher._removed
    scene.publisher._removed = lambda *_: kept(ZONE, "nowhere.example.test", VALUE)  # type: ignore[method-assign]
    assert (await scene.run())[-1] == ("remove", Outcome.REFUSED)
    assert "it was removed and is there all the same" in scene.findings[-1].sentence


@pytest.mark.parametrize("turns", range(16))
async def test_broken_off_anywhere_nothing_stays(scene: Scene, turns: int) -> None:
    running = asyncio.create_task(scene.run())
    for _ in range(turns):
        await asyncio.sleep(0)
    if running.done():
        assert running.result()[-1] == ("remove", Outcome.DONE)
        return
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert scene.is_as_it_was
    assert scene.outcomes[-1:] in ([], [("read", Outcome.DONE)], [("remove", Outcome.DONE)])


async def test_broken_off_again_and_again_what_may_be_left_is_named(scene: Scene) -> None:
    running = asyncio.create_task(scene.run())
    while not scene.findings or scene.findings[-1].step != "write":
        await asyncio.sleep(0)
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert scene.outcomes[-1] == ("remove", Outcome.UNREACHED)
    assert f"it was broken off; a TXT record may still stand at {BELOW}" in scene.findings[-1].sentence


def test_a_name_without_room_for_a_label_is_refused(scene: Scene) -> None:
    long = ".".join(["x" * 60] * 4) + ".test"
    with pytest.raises(ValueError, match="too long for a label below it"):
        Trial(scene.publisher, Routed("corp", "test", long), LABEL, VALUE, scene.findings.append)
