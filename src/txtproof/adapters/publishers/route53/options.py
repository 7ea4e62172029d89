"""What the publisher for Route 53 is made from; nothing here needs boto3, which is an extra."""

from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec

from pydantic import SecretStr

from txtproof.ports import Publisher

EXTRA = "route53 needs boto3, which is not installed: pip install 'txtproof[route53]'"


@dataclass(frozen=True, slots=True)
class Route53Options:
    """One AWS credential, and the zones that it writes."""

    name: str
    zones: tuple[str, ...]
    access_key_id: SecretStr | None = field(default=None, repr=False)
    """None, and no secret: boto3 looks for credentials itself, in the environment, its files and the machine's role."""
    secret_access_key: SecretStr | None = field(default=None, repr=False)
    hosted_zone_id: str | None = None
    """Of the only zone; None: hosted zones are found by name."""
    endpoint_url: str | None = None
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole `ensure_txt`, with all its requests."""

    def open(self) -> Publisher:
        """Make the publisher. Raises ValueError where boto3 is not installed."""
        check_boto3()
        from txtproof.adapters.publishers.route53.publisher import Route53Publisher  # noqa: PLC0415  # it imports what is an extra

        return Route53Publisher(self)


def check_boto3() -> None:
    """Raise ValueError, which names the extra, where boto3 is not installed."""
    if find_spec("boto3") is None:
        raise ValueError(EXTRA)
