"""The least that a worker starts with, and ways to give it more or less."""

from collections.abc import Mapping

import pytest

from config.problems import SettingsProblems
from config.settings import load_settings

BEARER_SECRET = "bearer-hunter2"
APPLICATION_SECRET = "application-hunter2"
TSIG_SECRET = "aHVudGVyMi1odW50ZXIy"
WEBHOOK_SECRET = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg=="

NO_CREDENTIAL = {
    "TXTPROOF_REDIS__URL": "redis://127.0.0.1:6379/0",
    "TXTPROOF_NEXUS__BASE_URL": "https://nexus.example.com",
}
LEAST = {
    **NO_CREDENTIAL,
    "TXTPROOF_NEXUS__BEARER_TOKEN": BEARER_SECRET,
    "TXTPROOF_NEXUS__APPLICATION_TOKEN": APPLICATION_SECRET,
}
PUBLISHER = """
[[publishers]]
name = "corp"
kind = "rfc2136"
zones = ["example.test"]
server = "127.0.0.1:15301"
tsig_name = "tsig-test"
tsig_algorithm = "hmac-sha256"
tsig_secret = "env:TSIG_SECRET"
"""


def problems_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the settings; something must be."""
    with pytest.raises(SettingsProblems) as caught:
        load_settings(environ)
    return caught.value.problems
