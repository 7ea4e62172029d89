"""The operator's command: `txtproof`, the same as `python -m txtproof`.

Exit codes: 0 done; 1 not found, refused, or the store is away; 2 wrong usage.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from txtproof.assembly import Desk, open_desk
from txtproof.cli_views import as_data, as_line, as_text, printable
from txtproof.core.model import Key, State
from txtproof.core.observations import Cancel, Resume
from txtproof.core.orders import Order, Refusal, Request
from txtproof.domains import BadDomain, parse_domain
from txtproof.ports import StoreUnavailable, Welcome

REDIS = "TXTPROOF_REDIS__URL"
INTERRUPTED = 130


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
            moment: datetime | None = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value[:60]!r} is no instant: write, for example, 2026-05-08T12:00:00Z", param, ctx)
        return moment


as_json = click.option("--json", "as_json", is_flag=True, help="Show JSON for machines.")
key_argument = click.argument("key", metavar="ORG/DOMAIN_ID", type=KeyType())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="txtproof")
def cli() -> None:
    """Ask for domain verifications, and see why one is not verified yet.

    The store is the Redis of the environment variable TXTPROOF_REDIS__URL.
    """


@cli.command()
@click.argument("organization", metavar="ORG", type=int)
@click.argument("domain_id", metavar="DOMAIN_ID", type=int)
@click.option("--domain", type=DomainType(), help="The domain's name; without it, Nexus says which it is.")
@click.option("--deadline", type=MomentType(), help="When to give up; without it, in 7 days. At most 30 days ahead.")
@as_json
def request(organization: int, domain_id: int, domain: str | None, deadline: datetime | None, as_json: bool) -> None:
    """Verify a domain, or join the verification that is under way."""
    try:
        key = Key(organization, domain_id)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    _take(Order(key, Request(domain, deadline)), as_json, {Welcome.CREATED: "accepted", Welcome.ATTACHED: "under way"})


@cli.command()
@key_argument
@as_json
def cancel(key: Key, as_json: bool) -> None:
    """End a verification that is not wanted any more."""
    _take(Order(key, Cancel()), as_json, {Welcome.ATTACHED: "will be cancelled"})


@cli.command()
@key_argument
@as_json
def resume(key: Key, as_json: bool) -> None:
    """Try a blocked verification again at once, after its cause has been mended."""
    _take(Order(key, Resume()), as_json, {Welcome.ATTACHED: "will be tried again"})


@cli.command()
@key_argument
@as_json
def status(key: Key, as_json: bool) -> None:
    """Say where a verification stands, and why."""

    async def show(desk: Desk) -> None:
        found = await desk.find(key)
        if found is None:
            _fail(f"there is no verification of {key}: request it first")
        click.echo(_json(as_data(found)) if as_json else as_text(found, datetime.now(UTC)))

    _with_desk(show)


@cli.command(name="list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only those in this state.")
@as_json
def list_(state: str | None, as_json: bool) -> None:
    """List verifications, one a line."""

    async def show(desk: Desk) -> None:
        async for found in desk.list(State(state) if state else None):
            click.echo(_json(as_data(found)) if as_json else as_line(found))

    _with_desk(show)


@cli.command()
@click.option("--follow", is_flag=True, help="Wait for more events.")
@as_json
def events(follow: bool, as_json: bool) -> None:
    """Show events, the oldest first."""

    async def show(desk: Desk) -> None:
        async for raw in desk.events(follow=follow):
            click.echo(raw.decode(errors="replace") if as_json else _event_line(json.loads(raw)))

    _with_desk(show)


def main() -> None:
    """Run the command line; what a person broke off ends quietly."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except StoreUnavailable as away:
        click.echo(f"Error: {away}: check {REDIS}", err=True)
        code = 1
    except BrokenPipeError:
        # whoever read along has gone: nothing may be flushed to them at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _take(order: Order, as_json: bool, done: dict[Welcome, str]) -> None:
    async def take(desk: Desk) -> None:
        outcome = await desk.take(order)
        if isinstance(outcome, Refusal):
            _fail(outcome.detail)
        if outcome is Welcome.NOT_FOUND:
            _fail(f"there is no verification of {order.key}: request it first")
        if outcome is Welcome.ENDED:
            _fail(f"the verification of {order.key} has ended: request it again")
        known = {"organizationId": order.key.organization_id, "domainId": order.key.domain_id}
        click.echo(_json({**known, "outcome": outcome.value}) if as_json else f"{order.key}: {done[outcome]}")

    _with_desk(take)


def _with_desk(work: Callable[[Desk], Awaitable[None]]) -> None:
    url = os.environ.get(REDIS, "")
    if not url.startswith(("redis://", "rediss://", "unix://")):
        _fail(f"{REDIS} is not set to a Redis: write, for example, redis://HOST:6379/0")

    async def run() -> None:
        async with open_desk(url) as desk:
            await work(desk)

    asyncio.run(run())


def _fail(text: str) -> NoReturn:
    raise click.ClickException(printable(text))


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def _event_line(event: dict[str, Any]) -> str:
    data = event.get("data", {})
    kind = str(event.get("type", "")).removeprefix("com.txtproof.verification.").removesuffix(".v1")
    who = f"{data.get('organizationId')}/{data.get('domainId')}"
    told = [str(data[name]) for name in ("reason", "title", "detail") if data.get(name)]
    return printable(f"{event.get('time')}  {who:<12}{kind:<18}{data.get('domain') or ''}  {' '.join(told)}".rstrip())
