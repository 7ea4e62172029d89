"""The operator's command: `txtproof`, the same as `python -m txtproof`.

Exit codes: 0 done; 1 not found, refused, or the store is away; 2 wrong usage; 3 could not see (`explain`,
`publishers check`).
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

import click

from txtproof.adapters.redis_connection import check_redis_url
from txtproof.cli_arguments import DomainType, KeyType, MomentType
from txtproof.cli_explain import Explanation, look_at, look_for, options_from, record_name_from
from txtproof.cli_explain import explain as explaining
from txtproof.cli_publishers import publishers
from txtproof.cli_views import (
    as_data,
    as_line,
    as_text,
    event_line,
    json_line,
    leftovers_data,
    leftovers_lines,
    printable,
    sentence,
)
from txtproof.core.model import Key, State, Verification
from txtproof.core.observations import Cancel, CheckNow, CleanUp, Forget, Release, Resume
from txtproof.core.orders import Order, Refusal, Request
from txtproof.desk import Desk, open_desk
from txtproof.ports import StoreUnavailable, Welcome

REDIS = "TXTPROOF_REDIS__URL"
INTERRUPTED = 130
T = TypeVar("T")


as_json = click.option("--json", "as_json", is_flag=True, help="Show JSON for machines.")
key_argument = click.argument("key", metavar="ORG/DOMAIN_ID", type=KeyType())


class _Unseen(click.ClickException):
    """Whatever the matter is, DNS was not asked: that is no miss."""

    exit_code = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="txtproof")
def cli() -> None:
    """Ask for domain verifications, and see why one is not verified yet.

    The store is the Redis of the environment variable TXTPROOF_REDIS__URL.
    """


@cli.command()
@click.argument("organization", metavar="ORG")
@click.argument("domain_id", metavar="DOMAIN_ID")
@click.option("--domain", type=DomainType(), help="The domain's name; without it, Nexus says which it is.")
@click.option("--deadline", type=MomentType(), help="When to give up; without it, in 7 days. At most 30 days ahead.")
@as_json
def request(organization: str, domain_id: str, domain: str | None, deadline: datetime | None, as_json: bool) -> None:
    """Verify a domain, or join the verification that is under way."""
    try:
        key = Key.parse(f"{organization}/{domain_id}")
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    order, done = Order(key, Request(domain, deadline)), {Welcome.CREATED: "accepted", Welcome.ATTACHED: "under way"}
    _with_desk(lambda desk: _take(desk, order, as_json, done))


@cli.command()
@key_argument
@as_json
def cancel(key: Key, as_json: bool) -> None:
    """End a verification that is not wanted any more."""
    order = Order(key, Cancel())
    _with_desk(lambda desk: _take(desk, order, as_json, {Welcome.ATTACHED: "will be cancelled"}))


@cli.command(name="check-now")
@key_argument
@as_json
def check_now(key: Key, as_json: bool) -> None:
    """Have a domain looked at now, once a minute at the most; its planned looks stay as they are."""
    order = Order(key, CheckNow())
    _with_desk(lambda desk: _take(desk, order, as_json, {Welcome.ATTACHED: "is looked at now"}))


@cli.command()
@click.argument("key", metavar="[ORG/DOMAIN_ID]", type=KeyType(), required=False)
@as_json
def resume(key: Key | None, as_json: bool) -> None:
    """Try a blocked verification again at once, after its cause has been mended; without an id, all but the parked."""

    async def take(desk: Desk) -> None:
        keys = [key] if key else [found.key async for found in desk.list(State.BLOCKED) if not found.parked]
        for one in keys:
            await _take(desk, Order(one, Resume()), as_json, {Welcome.ATTACHED: "will be tried again"})

    _with_desk(take)


@cli.command()
@as_json
def parked(as_json: bool) -> None:
    """List verifications that were set aside since whoever worked on them died, the longest first."""

    async def show(desk: Desk) -> None:
        for key in await desk.parked():
            known = {"organizationId": key.organization_id, "domainId": key.domain_id}
            click.echo(json_line(known) if as_json else str(key))

    _with_desk(show)


@cli.command()
@key_argument
@as_json
def release(key: Key, as_json: bool) -> None:
    """Let a parked verification go on, after what made it fatal has been mended."""

    async def take(desk: Desk) -> None:
        if key not in await desk.parked():
            _fail(f"{key} is not parked: see `txtproof parked`")
        await _take(desk, Order(key, Release()), as_json, {Welcome.ATTACHED: "will be worked on again"})

    _with_desk(take)


@cli.command()
@click.argument("key", metavar="[ORG/DOMAIN_ID]", type=KeyType(), required=False)
@click.option("--kept", is_flag=True, help="Those too whose record the policy keeps.")
@click.option("--withdraw", is_flag=True, help="Have them removed now, as far as the workers' policy has them go.")
@click.option("--forget", is_flag=True, help="Forget what is to go: somebody has removed it. Only with an id.")
@as_json
def leftovers(key: Key | None, kept: bool, withdraw: bool, forget: bool, as_json: bool) -> None:
    """List values of ours that have outlived their verification, and that nobody removes any more.

    It shows where each stands, and never the value. With an id, it is about all that the ended one has written.
    """
    if forget and (key is None or withdraw):
        raise click.UsageError("--forget is for one ORG/DOMAIN_ID, and not beside --withdraw")
    wish = Forget() if forget else CleanUp() if withdraw else None
    done = {Welcome.ATTACHED: "will be forgotten" if forget else "will be removed, as far as it is to go"}

    async def work(desk: Desk) -> None:
        async for v in _ended(desk, key) if key else desk.leftovers(kept=kept):
            if wish:
                await _take(desk, Order(v.key, wish), as_json, done)
                continue
            for line in map(json_line, leftovers_data(v)) if as_json else leftovers_lines(v):
                click.echo(line)

    _with_desk(work)


@cli.command()
@key_argument
@as_json
def status(key: Key, as_json: bool) -> None:
    """Say where a verification stands, and why."""

    async def show(desk: Desk) -> None:
        found = await _found(desk, key)
        click.echo(json_line(as_data(found)) if as_json else as_text(found, datetime.now(UTC)))

    _with_desk(show)


@cli.command()
@click.argument("name", metavar="NAME|ORG/DOMAIN_ID")
@click.option(
    "--expect", metavar="VALUE", help="The value that the record at NAME should have; `-` reads it from stdin."
)
@as_json
def explain(name: str, expect: str | None, as_json: bool) -> None:
    """Say in one sentence why a value is not seen in DNS, and show what each name server says.

    With NAME neither a worker nor Redis is needed. Exit codes: 0 it is served; 1 it is not; 3 that could not be seen.
    """
    try:
        options, template, key = options_from(), record_name_from(), Key.parse(name) if "/" in name else None
        look = None if key else look_at(name, _value(expect))
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None

    async def show(desk: Desk) -> Explanation:
        assert key is not None, "it is a stored one"
        found = await _found(desk, key)
        stored = look_for(found, template)
        if stored is None:
            _fail(f"{key} has no record yet: {sentence(found)}")
        return await explaining(stored, options, found.wake)

    try:
        shown = asyncio.run(explaining(look, options)) if look else _with_desk(show)
    except StoreUnavailable as away:
        raise _Unseen(f"{away}: check {REDIS}") from None
    except click.ClickException as failed:
        raise _Unseen(failed.message) from None
    click.echo(json_line(shown.as_data()) if as_json else shown.as_text(datetime.now(UTC)))
    sys.exit(shown.verdict[1])


@cli.command(name="list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only those in this state.")
@as_json
def list_(state: str | None, as_json: bool) -> None:
    """List verifications, one a line."""

    async def show(desk: Desk) -> None:
        async for found in desk.list(State(state) if state else None):
            click.echo(json_line(as_data(found)) if as_json else as_line(found))

    _with_desk(show)


@cli.command()
@click.option("--follow", is_flag=True, help="Wait for more events.")
@as_json
def events(follow: bool, as_json: bool) -> None:
    """Show events, the oldest first."""

    async def show(desk: Desk) -> None:
        async for raw in desk.events(follow=follow):
            click.echo(printable(raw.decode(errors="replace")) if as_json else event_line(raw))

    _with_desk(show)


cli.add_command(publishers)


def main() -> None:
    """Run the command line; what a person broke off ends quietly."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(prog_name="txtproof", standalone_mode=False)
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


async def _found(desk: Desk, key: Key) -> Verification:
    found = await desk.find(key)
    if found is None:
        _fail(f"there is no verification of {key}: request it first")
    return found


async def _ended(desk: Desk, key: Key) -> AsyncIterator[Verification]:
    found = await _found(desk, key)
    if not found.state.terminal:
        _fail(f"the verification of {key} is under way: what it writes goes when it has ended")
    yield found


def _value(given: str | None) -> str:
    if given is None:
        raise ValueError("say with --expect which value the record should have")
    return sys.stdin.readline().rstrip("\r\n") if given == "-" else given


async def _take(desk: Desk, order: Order, as_json: bool, done: dict[Welcome, str]) -> None:
    outcome = await desk.take(order)
    if isinstance(outcome, Refusal):
        _fail(outcome.detail)
    known = {"organizationId": order.key.organization_id, "domainId": order.key.domain_id}
    click.echo(json_line({**known, "outcome": outcome}) if as_json else f"{order.key}: {done[outcome]}")


def _with_desk(work: Callable[[Desk], Awaitable[T]]) -> T:
    url = os.environ.get(REDIS, "")
    try:
        check_redis_url(url)
    except ValueError as wrong:
        _fail(f"{REDIS}: {wrong}")

    async def run() -> T:
        async with open_desk(url) as desk:
            return await work(desk)

    return asyncio.run(run())


def _fail(text: str) -> NoReturn:
    raise click.ClickException(printable(text))
