"""One provider of lexicon, entered for one call: loaded, made, signed in, and asked in our own words.

lexicon's `Client` is passed by: it guesses the zone, downloads a list of suffixes to do so, and takes no for no answer.
"""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lexicon.config import ConfigResolver
from pydantic import SecretStr

from txtproof.adapters.publishers.lexicon.http import BoundedRequests, ZoneParts, silence
from txtproof.adapters.publishers.lexicon.rules import Rule, rule_of

MAX_RECORDS = 50_000
"""Records that an answer may have."""
_SHADOWS = ("lexicon.cli", "lexicon.discovery", "lexicon.parser")


class NoSuchZone(Exception):
    """The provider has signed in to another zone than the one it was given."""


class Malformed(Exception):
    """A record is not what lexicon says that records are."""


@dataclass(frozen=True, slots=True)
class Text:
    """A TXT record as lexicon tells it."""

    name: str
    content: str = field(repr=False)
    """As it came: with quotes or without, in one piece or several, as the provider likes."""
    ttl: int | None
    id: object = None

    @property
    def value(self) -> bytes:
        """Return the joined value; exact for what `fits`, and close to it for others."""
        quoted = len(self.content) >= 2 and self.content[0] == self.content[-1] == '"'
        inner = self.content[1:-1] if quoted else self.content
        return inner.replace('" "', "").encode(errors="surrogateescape")


class Entered:
    """A provider, signed in to a zone."""

    def __init__(self, provider: Any, config: dict[str, Any], rule: Rule, zone: str) -> None:
        self._provider = provider
        self._config = config
        self.zone = zone
        self.rule = rule

    def sign_in(self) -> None:
        """Have it look for the zone."""
        self._provider.authenticate()
        if str(self._provider.domain).rstrip(".").lower() != self.zone:
            raise NoSuchZone

    def texts(self, name: str) -> list[Text]:
        """Return the TXT records at a name, or of the whole zone where the provider writes them all."""
        called = None if self.rule.whole_zone else self._called(name)
        found = self._listed("TXT", called)
        return [one for one in found if self.rule.whole_zone or one.name == name]

    def has_alias(self, name: str) -> bool:
        """Say whether a CNAME stands at a name."""
        return any(one.name == name for one in self._listed("CNAME", self._called(name)))

    def create(self, name: str, value: bytes, ttl: int) -> None:
        """Add a value; the TTL is that of the whole set, where the provider has sets."""
        # read when it is used; 0 is what lexicon takes for none given, and falls back to the provider's own
        self._config["ttl"] = ttl
        self._provider.create_record("TXT", self._called(name), value.decode("ascii"))

    def delete(self, name: str, text: Text) -> None:
        """Delete one record."""
        if self.rule.by_id and text.id is not None:
            self._provider.delete_record(identifier=text.id)
        else:
            self._provider.delete_record(rtype="TXT", name=self._called(name), content=text.content)

    def _called(self, name: str) -> str:
        return (self.rule.apex or name) if name == self.zone else name

    def _listed(self, kind: str, called: str | None) -> list[Text]:
        found = self._provider.list_records(kind, called)
        if not isinstance(found, list) or len(found) > MAX_RECORDS:
            raise Malformed
        return [text for record in found for text in self._read(record)]

    def _read(self, record: Any) -> list[Text]:
        match record:
            case {"name": str(name), "content": str() | list() as given, "ttl": int() | None as ttl, **more}:
                contents = [given] if isinstance(given, str) else given
                if all(isinstance(one, str) for one in contents):
                    return [Text(self._absolute(name), one, ttl, more.get("id")) for one in contents]
            case {"name": str(), "content": str()} if "ttl" not in record:
                return self._read({**record, "ttl": None})
        raise Malformed

    def _absolute(self, name: str) -> str:
        # the apex is told as `@.zone`, as `.zone` or as the zone
        return name.rstrip(".").lower().removeprefix("@").removeprefix(".")


def load_provider(provider: str) -> Any:
    """Return the class of a provider, with HTTP that has limits. Raises ValueError where it is not taken."""
    rule_of(provider)
    try:
        module = importlib.import_module(f"lexicon._private.providers.{provider}")
    except ImportError:
        raise ValueError(f"this release of dns-lexicon has no {provider} that can be used: install 3.25") from None
    silence()
    for name in _SHADOWS:
        # they answer whoever looks at them, such as `inspect`, with a warning
        sys.modules.pop(name, None)
    bounded: dict[str, Any] = {"requests": BoundedRequests(), "tldextract": ZoneParts()}
    for name in bounded.keys() & vars(module).keys():
        setattr(module, name, bounded[name])
    return module.Provider


def make(provider: str, settings: Mapping[str, object], zone: str) -> Entered:
    """Make a provider for a zone, without a word to anybody; raises whatever it does not like about its settings."""
    made = load_provider(provider)
    config = {"provider_name": provider, "domain": zone, provider: _revealed(settings)}
    # nothing but this dict: neither environment nor arguments
    resolver = ConfigResolver().with_dict(config)  # type: ignore[no-untyped-call]  # it has no annotations
    return Entered(made(resolver), config, rule_of(provider), zone)


def _revealed(settings: Mapping[str, object]) -> dict[str, object]:
    return {name: one.get_secret_value() if isinstance(one, SecretStr) else one for name, one in settings.items()}
