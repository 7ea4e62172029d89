"""A person as the publisher: nothing is written, nobody is asked, and every zone can be theirs."""

from pathlib import Path

import pytest

from config.settings import load_settings
from tests.config.giving import LEAST, TSIG_SECRET, problems_of
from txtproof.adapters.publishers.locked import locked
from txtproof.adapters.publishers.manual import ManualOptions
from txtproof.adapters.publishers.routing import Registration, RoutedPublishing
from txtproof.core.model import Record
from txtproof.core.observations import Blocked, Left, Required, Routed
from txtproof.testing.locks import MemoryLocks

TABLES = """
[[publishers]]
name = "corp"
kind = "rfc2136"
zones = ["example.test"]
server = "127.0.0.1:15301"
tsig_name = "tsig-test"
tsig_secret = "env:TSIG_SECRET"

[[publishers]]
name = "customers"
kind = "manual"
zones = ["."]
"""


def given(directory: Path, text: str) -> dict[str, str]:
    (directory / "publishers.toml").write_text(text)
    return {**LEAST, "TXTPROOF_CONFIG_FILE": str(directory / "publishers.toml"), "TSIG_SECRET": TSIG_SECRET}


async def test_nothing_is_written_and_somebody_is_told() -> None:
    opened = ManualOptions("customers", ("",)).open()
    publisher = locked(opened, "customers", MemoryLocks())
    assert publisher is opened, "there is nothing to take turns at"
    assert await publisher.ensure_txt("", "_verify.example.test", b"code", 60, [b"old"]) == Required()
    assert await publisher.remove_txt("", "_verify.example.test", b"code") == Left()
    assert await publisher.read_txt("", "_verify.example.test") is None
    await publisher.aclose()


async def test_the_root_is_every_zone_that_nobody_else_has() -> None:
    manual = ManualOptions("customers", ("",)).open()
    other = ManualOptions("corp", ("example.test",)).open()
    publishing = RoutedPublishing(
        [Registration("customers", ("",), manual), Registration("corp", ("example.test",), other)]
    )
    for name, publisher, zone in [
        ("shop.customer.com", "customers", ""),
        ("com", "customers", ""),
        ("notexample.test", "customers", ""),
        ("example.test", "corp", "example.test"),
        ("a.b.example.test", "corp", "example.test"),
    ]:
        assert await publishing.route(name) == Routed(publisher, zone, name)
    record = Record("customers", "", "shop.customer.com", "code")
    assert await publishing.publish(record, 60) == Required()
    assert await publishing.withdraw(record) == Left()


async def test_only_its_own_zones_are_a_person_s_where_it_names_some() -> None:
    publishing = RoutedPublishing(
        [Registration("customers", ("customer.com",), ManualOptions("customers", ("customer.com",)).open())]
    )
    assert await publishing.route("shop.customer.com") == Routed("customers", "customer.com", "shop.customer.com")
    assert isinstance(await publishing.route("example.test"), Blocked)


def test_the_settings_file_gives_a_person_the_root_and_nobody_else(tmp_path: Path) -> None:
    corp, customers = load_settings(given(tmp_path, TABLES)).publishers
    assert (corp.zones, customers.zones) == (("example.test",), ("",))
    problems = problems_of(given(tmp_path, TABLES.replace('["example.test"]', '["."]')))
    assert any("'.' is no zone" in one for one in problems), problems


@pytest.mark.parametrize("zones", ["[]", '[""]', '["*"]'])
def test_zones_of_people_that_cannot_be_are_refused(tmp_path: Path, zones: str) -> None:
    assert problems_of(given(tmp_path, TABLES.replace('["."]', zones)))
