"""What the command line takes: each kind of argument, and what is said of one that is none."""

from datetime import UTC, datetime
from typing import Any

import click

from txtproof.core.model import Key
from txtproof.domains import BadDomain, parse_domain


class KeyType(click.ParamType[Any]):
    """ORG/DOMAIN_ID."""

    name = "ORG/DOMAIN_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Key:
        """Read the pair."""
        try:
            return value if isinstance(value, Key) else Key.parse(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


class DomainType(click.ParamType[Any]):
    """A domain's name."""

    name = "DOMAIN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name into A-labels."""
        try:
            return parse_domain(value)
        except BadDomain as wrong:
            self.fail(str(wrong), param, ctx)


class MomentType(click.ParamType[Any]):
    """An instant."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read RFC 3339 with an offset."""
        try:
            moment = datetime.fromisoformat(value)
            # an instant of the calendar's first or last day may lie outside it in UTC
            in_utc = moment.astimezone(UTC) if moment.tzinfo else None
        except (ValueError, OverflowError):
            in_utc = None
        return in_utc or self.fail(
            f"{value[:60]!r} is no instant: write, for example, 2026-05-08T12:00:00Z", param, ctx
        )
