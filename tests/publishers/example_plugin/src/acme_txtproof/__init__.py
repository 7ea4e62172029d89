"""The publisher of a company that has one primary name server, and one key for all of its zones."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr

from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options, Rfc2136Publisher
from txtproof.ports import Publisher


def open_publisher(
    *, name: str, zones: tuple[str, ...], settings: Mapping[str, object], call_timeout: timedelta
) -> Publisher:
    """Make the publisher."""
    secret = settings["secret"]
    if not isinstance(secret, SecretStr):
        raise TypeError("the secret is not referred to")
    options = Rfc2136Options(
        name=name,
        zones=zones,
        server=str(settings["server"]),
        tsig_name="tsig-test",
        tsig_secret=secret,
        call_timeout=call_timeout,
    )
    return Rfc2136Publisher(options)
