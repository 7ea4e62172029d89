"""The worker's settings, for commands that need more of them than where the store is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import click

from txtproof.assembly import Options
from txtproof.cli_views import printable

CONFIG_FILE = "TXTPROOF_CONFIG_FILE"


@dataclass(frozen=True, slots=True)
class Configured:
    """What a worker would work with."""

    options: Options
    kinds: Mapping[str, str]
    """Each publisher's, by its name."""


def is_configured() -> bool:
    """Say whether a settings file is named: publishers stand in it and nowhere else."""
    return bool(os.environ.get(CONFIG_FILE))


def configured() -> Configured:
    """Read the settings as a worker does. Raises click.UsageError that says what is wrong with them."""
    try:
        # the shell stands beside this package in a checkout and in the image, and is not installed with it
        from config.problems import SettingsProblems  # noqa: PLC0415
        from worker import bootstrap  # noqa: PLC0415
    except ImportError:
        raise click.UsageError("config/ and worker/ are not here: put where they stand into PYTHONPATH") from None
    try:
        given = bootstrap.settings()
    except SettingsProblems as wrong:
        raise click.UsageError("\n".join(map(printable, ("the settings are wrong:", *wrong.problems)))) from None
    return Configured(bootstrap.options(given), {one.name: one.kind for one in given.publishers})
