"""The publishers that the settings file can have, as [[publishers]]: one file for each kind."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from config.problems import UNKNOWN_KIND
from config.publishers.cloudflare import Cloudflare
from config.publishers.manual import Manual
from config.publishers.powerdns import PowerDns
from config.publishers.rfc2136 import Rfc2136
from config.publishers.route53 import Route53
from config.publishers.table import Publisher
from config.publishers.webhook import Webhook

KINDS: dict[str, type[Publisher]] = {
    "rfc2136": Rfc2136,
    "powerdns": PowerDns,
    "cloudflare": Cloudflare,
    "route53": Route53,
    "webhook": Webhook,
    "manual": Manual,
}
"""Each kind with its settings."""


def _kind(given: Any) -> str | None:
    kind = given.get("kind") if isinstance(given, Mapping) else getattr(given, "kind", None)
    return kind if isinstance(kind, str) else None


AnyPublisher = Annotated[
    Annotated[Rfc2136, Tag("rfc2136")]
    | Annotated[PowerDns, Tag("powerdns")]
    | Annotated[Cloudflare, Tag("cloudflare")]
    | Annotated[Route53, Tag("route53")]
    | Annotated[Webhook, Tag("webhook")]
    | Annotated[Manual, Tag("manual")],
    Discriminator(_kind, custom_error_type=UNKNOWN_KIND, custom_error_message="is of no kind that is known"),
]
"""What stands under [[publishers]], by its `kind`."""
