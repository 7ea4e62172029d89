"""Publishers of third parties: found by their entry points, set up in the file, and kept at arm's length."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.publishers.plugin import Plugin
from config.settings import load_settings
from tests.config.giving import LEAST, problems_of
from tests.publishers.updates import OverTheWire
from tests.real_servers import RealServer
from tests.worker.scene import ORGANIZATION, Scene
from txtproof.adapters.publishers.locked import LockedPublisher, locked
from txtproof.adapters.publishers.plugins import PluginOptions, load_plugin
from txtproof.core.observations import Ambiguous, Blocked, Left, Published, Queued, Required, Unreachable, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.ports import Capability, Publisher
from txtproof.rehearsal.nexus import NexusStandIn
from txtproof.rehearsal.processes import Celery
from txtproof.testing.locks import MemoryLocks
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.publisher_contract import PublisherContract, World
from txtproof.testing.zones import MemoryZones

EXAMPLE = Path(__file__).parent / "example_plugin"
ZONE = "example.test"
NAME = f"n.{ZONE}"
TIME = timedelta(seconds=0.5)
SECRET = "hunter2-of-acme"
UNREACHABLE = Reason.PUBLISHER_UNREACHABLE


@pytest.fixture(scope="session")
def installed_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example, as its users do; nothing is fetched."""
    target = tmp_path_factory.mktemp("plugins")
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--offline", "--no-cache"]
    where = ["--no-deps", "--python", sys.executable, "--target", str(target)]
    subprocess.run([*uv, *where, str(EXAMPLE)], check=True, capture_output=True, timeout=60)
    return target


@pytest.fixture
def example(installed_example: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(installed_example))
    return installed_example


def write_distribution(place: Path, name: str, kind: str, code: str) -> None:
    """Write a distribution as an installer leaves it."""
    module = name.replace("-", "_")
    place.mkdir(exist_ok=True)
    (place / f"{module}.py").write_text(code)
    metadata = place / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[txtproof.publishers]\n{kind} = {module}:made\n")


def settings_file(place: Path, kind: str, settings: str = "") -> dict[str, str]:
    file = place / "publishers.toml"
    table = f"[publishers.settings]\n{settings}" if settings else ""
    file.write_text(f'[[publishers]]\nname = "theirs"\nkind = "{kind}"\nzones = ["{ZONE}"]\n{table}')
    return LEAST | {"TXTPROOF_CONFIG_FILE": str(file)}


class TestExample(PublisherContract):
    """What the example's author runs, here at arm's length."""

    @pytest.fixture
    def world(self, bind: RealServer, example: Path) -> World:  # noqa: ARG002  # it is installed
        settings = {"server": bind.server, "secret": SecretStr(bind.tsig_secret)}
        options = PluginOptions("acme", (ZONE,), "acme", load_plugin("acme"), settings, timedelta(seconds=20))
        return World(ZONE, OverTheWire(bind, bind.address), options.open)


def test_a_worker_publishes_through_a_plugin(
    redis_url: str, bind: RealServer, installed_example: Path, tmp_path: Path
) -> None:
    with NexusStandIn() as nexus, ExitStack() as running:
        stage = Scene(redis_url, nexus, bind, tmp_path, "bearer")
        running.enter_context(stage.client)
        Path(stage.environ["TXTPROOF_CONFIG_FILE"]).write_text(
            f'[[publishers]]\nname = "theirs"\nkind = "acme"\nzones = ["{ZONE}"]\n'
            f'[publishers.settings]\nserver = "{bind.server}"\nsecret = "env:ACME_SECRET"\n'
        )
        paths = ["src", ".", str(installed_example)]
        environ = stage.environ | {"ACME_SECRET": bind.tsig_secret, "PYTHONPATH": ":".join(paths)}
        for what in ("worker", "beat"):
            running.enter_context(Celery(what, environ, stage.log))
        nexus.register(ORGANIZATION, 1, f"plugged.{ZONE}")
        stage.send(b'{"organizationId": 42, "domainId": 1}')
        stage.wait_for(1, "verified")
        (code,) = (one.code for codes in nexus.issued.values() for one in codes)
        assert bind.values(f"plugged.{ZONE}")[1] == [code.encode()]
        assert bind.tsig_secret not in stage.log.read_text() + str(stage.events())


# The file


def test_references_in_a_plugins_settings_become_secrets_however_deep_they_stand(example: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-the-file\n")
    given = (
        f'server = "192.0.2.1:53"\nport = 53\nsecret = "env:ACME"\n'
        f'more = {{ keys = ["file:{tmp_path}/key", "plain"], on = true }}'
    )
    settings = load_settings(settings_file(tmp_path, "acme", given) | {"ACME": SECRET})
    (publisher,) = settings.publishers
    assert isinstance(publisher, Plugin)
    assert publisher.settings == {
        "server": "192.0.2.1:53",
        "port": 53,
        "secret": SecretStr(SECRET),
        "more": {"keys": [SecretStr("from-the-file"), "plain"], "on": True},
    }
    options = publisher.options(TIME)
    for shown in (settings, publisher, options):
        assert SECRET not in f"{shown!r} {shown}"
        assert "from-the-file" not in f"{shown!r} {shown}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('secret = "env:ACME"', "secret: the variable 'ACME' is not set: set it to the secret"),
        ('a = { b = ["file:/nowhere"] }', "a: b: the file '/nowhere' cannot be read or is empty: put the secret there"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named_with_its_place(
    example: Path, tmp_path: Path, given: str, said: str
) -> None:
    assert problems_of(settings_file(tmp_path, "acme", given)) == (f"publisher theirs: settings: {said}",)


def test_settings_that_are_no_table_are_told(example: Path, tmp_path: Path) -> None:
    environ = settings_file(tmp_path, "acme")
    with Path(environ["TXTPROOF_CONFIG_FILE"]).open("a") as file:
        file.write('settings = "all"\n')
    assert problems_of(environ) == (
        "publisher theirs: settings: should be a valid dictionary: write [publishers.settings]",
    )


def test_a_setting_of_a_plugin_outside_its_table_is_told(example: Path, tmp_path: Path) -> None:
    environ = settings_file(tmp_path, "acme")
    with Path(environ["TXTPROOF_CONFIG_FILE"]).open("a") as file:
        file.write('setings = {}\nserver = "192.0.2.1"\n')
    assert problems_of(environ) == (
        "publisher theirs: setings is not a setting: did you mean settings?",
        "publisher theirs: server is not a setting: take it out of the file",
    )


def test_a_kind_that_nobody_has_is_told_with_those_of_third_parties(example: Path, tmp_path: Path) -> None:
    (said,) = problems_of(settings_file(tmp_path, "acmee"))
    assert said == "publisher theirs: kind: 'acmee' is none: did you mean acme?"
    (said,) = problems_of(settings_file(tmp_path, "zzz"))
    assert said.startswith("publisher theirs: kind: 'zzz' is none: write one of ")
    assert said.endswith(", acme")


def test_a_kind_of_our_own_wins_over_a_plugin_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(tmp_path / "site", "usurper", "manual", "raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (publisher,) = load_settings(settings_file(tmp_path, "manual")).publishers
    assert type(publisher).__name__ == "Manual"


def test_two_distributions_with_one_kind_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("zebra-dns", "apple-dns"):
        write_distribution(tmp_path / "site", name, "twice", "def made(**_): ...")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert problems_of(settings_file(tmp_path, "twice")) == (
        "publisher theirs: kind: the distributions apple-dns and zebra-dns both have it: uninstall one",
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"raise RuntimeError('{SECRET}')", "cannot be imported (RuntimeError): repair or uninstall it"),
        ("import not_there_at_all", "cannot be imported (ModuleNotFoundError): repair or uninstall it"),
        ("import sys; sys.exit(3)", "cannot be imported (SystemExit): repair or uninstall it"),
        ("other = 1", "cannot be imported (AttributeError): repair or uninstall it"),
        ("made = 1", "has nothing callable there: repair or uninstall it"),
    ],
)
def test_a_plugin_that_cannot_be_imported_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    name = f"broken-{abs(hash(code))}"
    write_distribution(tmp_path / "site", name, "broken", code)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert problems_of(settings_file(tmp_path, "broken")) == (
        f"publisher theirs: kind: the distribution {name} {said}",
    )


# What a stranger's code does


class Stranger:
    """A publisher that does what it is told, whatever that is."""

    capabilities: Any = frozenset({Capability.PER_VALUE})

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act

    async def ensure_txt(self, *_: object) -> Any:
        return await self._acted()

    async def remove_txt(self, *_: object) -> Any:
        return await self._acted()

    async def read_txt(self, *_: object) -> Any:
        return await self._acted()

    async def aclose(self) -> None:
        await self._acted()

    async def _acted(self) -> Any:
        did = self.act()
        return await did if asyncio.iscoroutine(did) else did


def opened(factory: Callable[..., Any], settings: Mapping[str, object] | None = None) -> Publisher:
    return PluginOptions("theirs", (ZONE,), "acme", factory, settings or {}, TIME).open()


def at_arms_length(act: Callable[[], Any]) -> Publisher:
    return opened(lambda **_: Stranger(act), {"a": {"b": [SecretStr(SECRET)]}})


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    "error",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        SystemExit(SECRET),
        asyncio.CancelledError(SECRET),
        TimeoutError(SECRET),
        type("Own", (BaseException,), {})(SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_plugin_raises_is_told_by_its_type_alone(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    publisher = at_arms_length(raising(error))
    told = Unreachable(UNREACHABLE, f"the plugin acme raised {type(error).__name__}")
    assert await publisher.ensure_txt(ZONE, NAME, b"code", 60) == told
    assert await publisher.remove_txt(ZONE, NAME, b"code") == told
    assert await publisher.read_txt(ZONE, NAME) is None
    await publisher.aclose()
    assert "did not end" in caplog.text
    assert SECRET not in caplog.text


def identity(answer: object) -> object:
    return answer


async def stubborn() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() > stubborn_until:
                raise


stubborn_until = float("inf")


@pytest.mark.parametrize("act", [lambda: asyncio.sleep(60), stubborn], ids=["sleeps", "will not be cancelled"])
async def test_a_call_that_takes_too_long_is_cut_off(act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = at_arms_length(act)
    began = time.monotonic()
    answer = await publisher.ensure_txt(ZONE, NAME, b"code", 60)
    assert time.monotonic() - began < TIME.total_seconds() + 0.2
    assert answer == Ambiguous(UNREACHABLE, "the plugin acme gave no answer within 0.45 s")
    await end_stubborn(monkeypatch)


async def end_stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "stubborn_until", 0.0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)


async def test_a_call_that_is_cancelled_is_cancelled_inside_too() -> None:
    ended = asyncio.Event()

    async def sleeping() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    call = asyncio.ensure_future(at_arms_length(sleeping).ensure_txt(ZONE, NAME, b"code", 60))
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "published",
        Published,
        Withdrawn(),
        Queued(None),  # type: ignore[arg-type]
        Published(changed="yes"),  # type: ignore[arg-type]
        Blocked("blocked"),  # type: ignore[arg-type]
        Blocked(Reason.NO_ZONE, 5),  # type: ignore[arg-type]
        Unreachable(Reason.CONFLICT, "", 5),  # type: ignore[arg-type]
    ],
    ids=repr,
)
async def test_what_is_no_answer_is_not_believed(answer: Any) -> None:
    publisher = at_arms_length(lambda: answer)
    said = await publisher.ensure_txt(ZONE, NAME, b"code", 60)
    what = "the plugin acme answered what is no answer: "
    assert said == Unreachable(UNREACHABLE, what + type(answer).__name__)
    if answer != Withdrawn():
        assert isinstance(await publisher.remove_txt(ZONE, NAME, b"code"), Unreachable)
    assert await publisher.read_txt(ZONE, NAME) is None


async def test_a_method_that_is_not_async_is_no_answer_either() -> None:
    class Synchronous(Stranger):
        def ensure_txt(self, *_: Any, **__: Any) -> Any:
            return Published()

    publisher = opened(lambda **_: Synchronous(lambda: None))
    assert await publisher.ensure_txt(ZONE, NAME, b"code", 60) == Unreachable(
        UNREACHABLE, "the plugin acme raised TypeError"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Published(),
        Published(changed=False),
        Required(),
        Blocked(Reason.NO_ZONE, "none"),
        Ambiguous(UNREACHABLE, "lost"),
    ],
)
async def test_what_is_an_answer_passes(answer: Any) -> None:
    assert await at_arms_length(lambda: answer).ensure_txt(ZONE, NAME, b"code", 60) == answer


async def test_what_a_removal_and_a_reading_may_answer_passes() -> None:
    for answer in (Withdrawn(), Left(), Blocked(Reason.NO_ZONE, "none")):
        publisher = at_arms_length(partial(identity, answer))
        assert await publisher.remove_txt(ZONE, NAME, b"code") == answer
    assert await at_arms_length(lambda: (b"a", b"b")).read_txt(ZONE, NAME) == [b"a", b"b"]
    assert await at_arms_length(lambda: ["a"]).read_txt(ZONE, NAME) is None


@pytest.mark.parametrize(("asked", "told"), [(-5, 0), (30, 30), (10**9, 3600)])
async def test_a_pause_has_bounds(asked: int, told: int) -> None:
    answer = Unreachable(Reason.RATE_LIMITED, "", timedelta(seconds=asked))
    said = await at_arms_length(lambda: answer).ensure_txt(ZONE, NAME, b"code", 60)
    assert said == Unreachable(Reason.RATE_LIMITED, "", timedelta(seconds=told))


async def test_a_detail_is_short_printable_and_without_the_secret_and_the_values() -> None:
    answer = Blocked(Reason.PUBLISHER_REFUSED, f"key {SECRET}\x1b[2J of code-new for code-old " + "x" * 1000)
    said = await at_arms_length(lambda: answer).ensure_txt(ZONE, NAME, b"code-new", 60, [b"code-old", b"\xff"])
    assert isinstance(said, Blocked)
    assert said.detail.startswith("key [hidden][2J of [hidden] for [hidden] xxx")
    assert len(said.detail) == 200


class Locking(Stranger):
    capabilities: Any = ("read_modify_write",)


class Wrong(Stranger):
    capabilities: Any = ("all of them",)


class Bare:
    capabilities: Any = ()


def test_a_plugin_that_writes_whole_sets_is_locked_as_ours_are() -> None:
    publisher = opened(lambda **_: Locking(lambda: None))
    assert isinstance(locked(publisher, "theirs", MemoryLocks()), LockedPublisher)


@pytest.mark.parametrize(
    ("factory", "kind"),
    [
        (lambda **_: 1 / 0, "ZeroDivisionError"),
        (lambda **_: sys.exit(SECRET), "SystemExit"),
        (lambda: None, "TypeError"),
        (lambda **_: None, "AttributeError"),
        (lambda **_: Wrong(lambda: None), "ValueError"),
        (lambda **_: Bare(), "TypeError"),
    ],
)
async def test_a_plugin_that_cannot_be_opened_waits_for_a_person(
    factory: Callable[..., Any], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = opened(factory)
    told = Blocked(Reason.PUBLISHER_REFUSED, f"the plugin acme cannot be opened: {kind}")
    assert await publisher.ensure_txt(ZONE, NAME, b"code", 60) == told
    assert await publisher.remove_txt(ZONE, NAME, b"code") == told
    assert await publisher.read_txt(ZONE, NAME) is None
    await publisher.aclose()
    assert [record.getMessage() for record in caplog.records] == [told.detail]


async def test_a_plugin_is_given_what_the_file_says_and_the_time_there_is() -> None:
    seen: dict[str, Any] = {}

    def factory(**given: Any) -> Publisher:
        seen.update(given)
        return MemoryPublisher(MemoryZones(ZONE))

    publisher = opened(factory, {"a": 1})
    assert seen == {"name": "theirs", "zones": (ZONE,), "settings": {"a": 1}, "call_timeout": TIME}
    assert publisher.capabilities == MemoryPublisher.capabilities
