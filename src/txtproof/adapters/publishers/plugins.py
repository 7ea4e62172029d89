"""Publishers of third parties: entry points in the group `txtproof.publishers`, each named after its kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from pydantic import SecretStr

from txtproof.adapters.http_fields import presentable
from txtproof.adapters.publishers.guarded import guarded
from txtproof.ports import Publisher

GROUP = "txtproof.publishers"


class Factory(Protocol):
    """What an entry point leads to: a class or a function. It raises nothing that its settings can help."""

    def __call__(
        self, *, name: str, zones: tuple[str, ...], settings: Mapping[str, object], call_timeout: timedelta
    ) -> Publisher:
        """Make the publisher, on the running loop; its calls must end within `call_timeout`.

        `settings` is its table in the file, where each `env:NAME` and `file:PATH` has become a SecretStr.
        """


def plugin_kinds() -> frozenset[str]:
    """Return the kinds that installed distributions have."""
    return frozenset(entry_points(group=GROUP).names)


def load_plugin(kind: str) -> Factory:
    """Import what makes publishers of a kind. Raises ValueError, with what to do, where there is not just one."""
    found = sorted(entry_points(group=GROUP, name=kind), key=_distribution)
    if not found:
        raise ValueError("no distribution has it: install the plugin")
    if len(found) > 1:
        raise ValueError(f"the distributions {' and '.join(map(_distribution, found))} both have it: uninstall one")
    (point,) = found
    try:
        factory = point.load()
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # a stranger's code raises anything
        what = presentable(type(fault).__name__)
        raise ValueError(
            f"the distribution {_distribution(point)} cannot be imported ({what}): repair or uninstall it"
        ) from None
    if not callable(factory):
        raise ValueError(  # noqa: TRY004  # pydantic listens to no TypeError
            f"the distribution {_distribution(point)} has nothing callable there: repair or uninstall it"
        )
    made: Factory = factory
    return made


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """A publisher of a third party, and what it wants to know."""

    name: str
    zones: tuple[str, ...]
    kind: str
    factory: Factory = field(repr=False)
    settings: Mapping[str, object] = field(repr=False)
    call_timeout: timedelta = timedelta(seconds=10)

    def open(self) -> Publisher:
        """Make the publisher, at arm's length."""
        return guarded(
            lambda: self.factory(
                name=self.name, zones=self.zones, settings=self.settings, call_timeout=self.call_timeout
            ),
            f"the plugin {self.kind[:60]}",
            self.call_timeout,
            tuple(_secrets(self.settings.values())),
        )


def _distribution(point: EntryPoint) -> str:
    return presentable(point.dist.name) if point.dist else "(unnamed)"


def _secrets(given: Iterable[object]) -> Iterable[str]:
    for one in given:
        match one:
            case SecretStr():
                yield one.get_secret_value()
            case Mapping():
                yield from _secrets(one.values())
            case list():
                yield from _secrets(one)
