"""The publishers that the settings file can have, as [[publishers]]: one file for each kind."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from config.problems import UNKNOWN_KIND
from config.publishers.cloudflare import Cloudflare
from config.publishers.lexicon import Lexicon
from config.publishers.manual import Manual
from config.publishers.plugin import Plugin
from config.publishers.powerdns import PowerDns
from config.publishers.rfc2136 import Rfc2136
from config.publishers.route53 import Route53
from config.publishers.table import Publisher
from config.publishers.webhook import Webhook
from txtproof.adapters.publishers.plugins import plugin_kinds

KINDS: dict[str, type[Publisher]] = {
    "rfc2136": Rfc2136,
    "powerdns": PowerDns,
    "cloudflare": Cloudflare,
    "route53": Route53,
    "webhook": Webhook,
    "lexicon": Lexicon,
    "manual": Manual,
}
"""Each kind of our own with its settings."""
PLUGIN = "a plugin's"
"""Stands for all kinds of third parties together, inside pydantic alone."""


def known_kinds() -> dict[str, type[Publisher]]:
    """Return each kind with its settings, third parties' included: where a name is ours too, it is ours."""
    return KINDS | dict.fromkeys(sorted(plugin_kinds() - KINDS.keys()), Plugin)


def _kind(given: Any) -> str | None:
    kind = given.get("kind") if isinstance(given, Mapping) else getattr(given, "kind", None)
    if not isinstance(kind, str) or kind in KINDS:
        return kind if isinstance(kind, str) else None
    return PLUGIN if kind in plugin_kinds() else None


AnyPublisher = Annotated[
    Annotated[Rfc2136, Tag("rfc2136")]
    | Annotated[PowerDns, Tag("powerdns")]
    | Annotated[Cloudflare, Tag("cloudflare")]
    | Annotated[Route53, Tag("route53")]
    | Annotated[Webhook, Tag("webhook")]
    | Annotated[Lexicon, Tag("lexicon")]
    | Annotated[Manual, Tag("manual")]
    | Annotated[Plugin, Tag(PLUGIN)],
    Discriminator(_kind, custom_error_type=UNKNOWN_KIND, custom_error_message="is of no kind that is known"),
]
"""What stands under [[publishers]], by its `kind`."""
