"""`txtproof publishers`: who writes which zones, how things stand with each, and what a credential may do.

Exit codes of `check`: 0 it may do all that is needed; 1 it may not; 3 that could not be found out.
"""

import asyncio
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from txtproof.adapters.redis_connection import check_redis_url
from txtproof.adapters.redis_turns import Rate
from txtproof.assembly import open_publishing
from txtproof.cli_settings import CONFIG_FILE, Configured, configured, is_configured
from txtproof.cli_views import json_line, printable
from txtproof.core.delays import Delays
from txtproof.core.names import canonical, fits
from txtproof.core.observations import Routed
from txtproof.core.telling import stamp
from txtproof.core.values import Value, replace
from txtproof.desk import open_desk
from txtproof.politeness import credential_of
from txtproof.ports import Credential, StoreUnavailable
from txtproof.trial import Finding, Outcome, Tell, Trial, failed

REDIS = "TXTPROOF_REDIS__URL"
_MARKS = {Outcome.DONE: "ok", Outcome.REFUSED: "REFUSED", Outcome.UNREACHED: "UNKNOWN", Outcome.SKIPPED: "-"}


class Shown(Value, frozen=True):
    """One publisher: what it is configured as, and what the store knows of it."""

    name: str
    kind: str | None = None
    """None where it is configured no more, and only remembered."""
    zones: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    checked: bool = True
    credential: Credential | None = None
    delays: Delays | None = None

    def as_data(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        credential, delays = self.credential, self.delays
        return {
            "publisher": self.name,
            "kind": self.kind,
            "zones": [zone or "." for zone in self.zones],
            "capabilities": list(self.capabilities),
            "checkDelegation": self.checked if self.kind else None,
            "credential": credential
            and {
                "refused": credential.refused,
                "triedAgain": stamp(credential.tried_again),
                "callsInFlight": credential.in_flight,
                "mostCallsInFlight": credential.most_in_flight,
                "waitSeconds": round(credential.waits.total_seconds(), 1),
            },
            "publications": delays.publications if delays else 0,
            "medianSeconds": round(delays.median.total_seconds(), 1) if delays else None,
            "p95Seconds": round(delays.p95.total_seconds(), 1) if delays else None,
        }

    def as_text(self) -> str:
        """Return what a person is shown."""
        if self.kind is None:
            lines = [f"{self.name}: not configured here"]
        else:
            lines = [f"{self.name} ({self.kind}) writes {', '.join(zone or 'all other zones' for zone in self.zones)}"]
            lines.append(f"  capabilities: {', '.join(self.capabilities) or 'none, nothing is written'}")
        if self.credential is not None:
            lines.append(f"  credential: {_standing(self.credential)}")
        if self.delays is not None:
            median, p95 = (f"{time.total_seconds():,.1f} s" for time in (self.delays.median, self.delays.p95))
            lines.append(f"  served after {median} (median), {p95} (p95); publications: {self.delays.publications}")
        return "\n".join(map(printable, lines))


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Show JSON for machines.")
@click.pass_context
def publishers(context: click.Context, as_json: bool) -> None:
    """List publishers: their zones, whether their credentials are taken, and how long until all servers serve."""
    if context.invoked_subcommand is not None:
        return
    known = configured() if is_configured() else None
    if known is None:
        click.echo(f"No publisher is configured here: name the settings file in {CONFIG_FILE}.", err=True)
    shown, away = asyncio.run(_listed(known))
    for one in shown:
        click.echo(json_line(one.as_data()) if as_json else one.as_text())
    if away is not None:
        said = f"{away}: what is known of credentials and delays is not shown; check {REDIS}"
        raise click.ClickException(printable(said))


@publishers.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Show JSON for machines.")
def check(name: str, as_json: bool) -> None:
    """Write, read back and remove a throw-away record below NAME, and say what the credential may do.

    Exit codes: 0 it may do all that is needed; 1 it may not; 3 that could not be found out.
    """
    if not is_configured():
        raise click.UsageError(f"no publisher is configured here: name the settings file in {CONFIG_FILE}")
    record = canonical(name)
    if not fits(record) or not re.fullmatch(r"[a-z0-9_.-]+", record):
        raise click.UsageError(
            f"{name[:60]!r} is no name of a record: write it in A-labels, such as _label.example.com"
        )
    known, findings = configured(), list[Finding]()

    def tell(finding: Finding) -> None:
        findings.append(finding)
        data = {
            "step": finding.step,
            "outcome": finding.outcome,
            "reason": finding.reason,
            "sentence": finding.sentence,
        }
        click.echo(json_line(data) if as_json else printable(f"{_MARKS[finding.outcome]:<8}{finding.sentence}"))

    try:
        asyncio.run(_tried(record, known, tell))
    except StoreUnavailable as away:
        tell(Finding("lock", Outcome.UNREACHED, f"{away}: this publisher's changes take turns there; check {REDIS}"))
    outcomes = {finding.outcome for finding in findings}
    sys.exit(1 if Outcome.REFUSED in outcomes else 3 if Outcome.UNREACHED in outcomes else 0)


async def _tried(name: str, known: Configured, tell: Tell) -> None:
    async with open_publishing(known.options) as publishing:
        way = await publishing.route(name)
        if not isinstance(way, Routed):
            tell(failed("route", f"nobody is to write {name}", way))
            return
        kind = known.kinds[way.publisher]
        alias = "" if way.name == name else f" as {way.name}, which it is an alias of,"
        said = f"{name} is written{alias} by {way.publisher} ({kind}), in the zone {way.zone or '.'}"
        tell(Finding("route", Outcome.DONE, said))
        label, value = f"txtproof-check-{secrets.token_hex(6)}", f"txtproof-check={secrets.token_hex(16)}"
        try:
            trial = Trial(publishing.publishers[way.publisher], way, label, value.encode(), tell)
        except ValueError as wrong:
            raise click.UsageError(str(wrong)) from None
        await trial.run()


async def _listed(known: Configured | None) -> tuple[Sequence[Shown], StoreUnavailable | None]:
    """Return all publishers in order, and why the store has nothing to say of them, if it has nothing."""
    shown = await _shown(known) if known else {}
    try:
        async with open_desk(*_store(known)) as desk:
            for name, delays in (await desk.delays()).items():
                shown[name] = replace(shown.get(name) or Shown(name), delays=delays)
            for name, one in shown.items():
                if one.kind is not None:
                    shown[name] = replace(one, credential=await desk.credential(credential_of(name)))
    except StoreUnavailable as away:
        return [shown[name] for name in sorted(shown)], away
    return [shown[name] for name in sorted(shown)], None


async def _shown(known: Configured) -> dict[str, Shown]:
    """Return what the settings say; no publisher connects before it is used."""
    shown = {}
    for one in known.options.publishers:
        publisher = one.open()
        capabilities = tuple(sorted(publisher.capabilities))
        await publisher.aclose()
        checked = one.name not in known.options.unchecked
        shown[one.name] = Shown(one.name, known.kinds[one.name], one.zones, capabilities, checked)
    return shown


def _store(known: Configured | None) -> tuple[str, Mapping[str, Rate]]:
    """Return where the store is, and what may be called with each credential."""
    if known is not None:
        return known.options.redis_url, known.options.rates
    url = os.environ.get(REDIS, "")
    try:
        check_redis_url(url)
    except ValueError as wrong:
        raise click.ClickException(f"{REDIS}: {wrong}") from None
    return url, {}


def _standing(credential: Credential) -> str:
    taken = f"refused, tried again at {stamp(credential.tried_again)}" if credential.refused else "not refused"
    waits = f"{credential.waits.total_seconds():,.1f} s"
    return f"{taken}; calls in flight: {credential.in_flight} of {credential.most_in_flight}; its line: {waits}"
