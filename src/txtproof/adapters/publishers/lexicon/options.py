"""The long tail of providers, through dns-lexicon, an extra: what one is made from, and whether it can be."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType

from txtproof.adapters.publishers.lexicon.rules import rule_of
from txtproof.ports import Publisher

MISSING = "the extra `lexicon` is not installed: pip install 'txtproof[lexicon]'"


@dataclass(frozen=True, slots=True)
class LexiconOptions:
    """One provider of lexicon, and lexicon's own options for it."""

    name: str
    zones: tuple[str, ...]
    provider: str
    settings: Mapping[str, object] = field(repr=False)
    """Secrets inside are SecretStr."""
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole `ensure_txt`, with all its reads and writes."""

    def open(self) -> Publisher:
        """Make the publisher. Raises ValueError where the provider is not taken, or lexicon is not installed."""
        _need_library()
        from txtproof.adapters.publishers.lexicon.publisher import LexiconPublisher  # noqa: PLC0415  # an extra's

        return LexiconPublisher(self)


def check_provider(provider: str) -> None:
    """Raise ValueError, with what to write, where a provider is not taken or not installed."""
    rule_of(provider)
    _need_library().load_provider(provider)


def check_settings(provider: str, settings: Mapping[str, object]) -> None:
    """Raise ValueError, with what to write, where a provider cannot work with these options; nobody is asked."""
    if provider == "powerdns" and not str(settings.get("pdns_server")).startswith(("http://", "https://")):
        # it takes the path of a socket too, and then changes `requests` for the whole process
        raise ValueError("pdns_server in the settings: write https://HOST:8081")
    if provider == "gandi" and settings.get("api_protocol") != "rest":
        raise ValueError('api_protocol in the settings: write "rest"')
    try:
        _need_library().make(provider, settings, "example.test")
    except Exception as fault:  # noqa: BLE001  # each provider has types of its own, and texts that quote
        kind = type(fault).__name__
        raise ValueError(f"{provider} cannot be made from these settings ({kind}): see its options") from None


def _need_library() -> ModuleType:
    if importlib.util.find_spec("lexicon") is None:
        raise ValueError(MISSING)
    from txtproof.adapters.publishers.lexicon import provider  # noqa: PLC0415  # an extra's

    return provider
