"""The examples name every setting, say of it what settings.py says, and show its default."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from config.publishers import KINDS
from config.settings import Settings, known_settings, load_settings
from tests.config.giving import TSIG_SECRET, WEBHOOK_SECRET

CONFIG = Path(__file__).parents[2] / "config"
ENV = (CONFIG / "example.env").read_text()
TOML = (CONFIG / "example.toml").read_text()
FOR_COMPOSE = {"ENV_FILE"}
SECRETS = {
    "NEXUS_BEARER_TOKEN": "a",
    "NEXUS_APPLICATION_TOKEN": "b",
    "TSIG_SECRET": TSIG_SECRET,
    "CLOUDFLARE_API_TOKEN": "c",
    "WEBHOOK_SECRET": WEBHOOK_SECRET,
    "POWERDNS_API_KEY": "c",
    "DIGITALOCEAN_TOKEN": "c",
}


def field(table: str, name: str) -> FieldInfo:
    group = Settings.model_fields[table].annotation
    return group.model_fields[name]  # type: ignore[union-attr,no-any-return]  # every table is a model


def sentence(setting: FieldInfo) -> str:
    assert isinstance(setting.json_schema_extra, dict)
    return f"# {setting.description} Write: {setting.json_schema_extra['write']}"


def variables(*, with_optional: bool) -> dict[str, str]:
    mark = "#?" if with_optional else ""
    return dict(re.findall(rf"^{mark}([A-Z0-9_]+)=(.*)$", ENV, re.MULTILINE))


def whole_toml() -> dict[str, Any]:
    """Return the file as it reads with every optional line taken in."""
    return tomllib.loads(re.sub(r"^#([a-z_]+ = .+)$", r"\1", TOML, flags=re.MULTILINE))


def test_the_env_file_starts_a_worker_once_it_is_copied() -> None:
    settings = load_settings(variables(with_optional=False))
    assert settings.broker_url == "redis://valkey:6379/0"


def test_the_env_file_names_every_setting_and_no_other() -> None:
    assert variables(with_optional=True).keys() == known_settings().keys() | FOR_COMPOSE | {"TXTPROOF_CONFIG_FILE"}


@pytest.mark.parametrize("variable", sorted(known_settings()))
def test_the_env_file_says_of_a_setting_what_settings_say(variable: str) -> None:
    setting = field(*known_settings()[variable])
    assert re.search(rf"^{re.escape(sentence(setting))}\n#?{variable}=", ENV, re.MULTILINE)


@pytest.mark.parametrize("variable", sorted(known_settings()))
def test_a_line_of_the_env_file_that_is_left_out_shows_the_default(variable: str) -> None:
    least = variables(with_optional=False)
    if variable in least:
        table, name = known_settings()[variable]
        assert field(table, name).is_required() or table == "nexus", "only what must be written is not left out"
        return
    shown = variables(with_optional=True)[variable]
    if not shown:
        assert field(*known_settings()[variable]).default is None
        return
    assert load_settings({**least, variable: shown}) == load_settings(least)


def test_the_toml_file_starts_a_worker_that_is_told_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "copy.toml").write_text(TOML)
    settings = load_settings({"TXTPROOF_CONFIG_FILE": str(tmp_path / "copy.toml"), **SECRETS})
    assert {publisher.kind for publisher in settings.publishers} == KINDS.keys()


def test_the_toml_file_names_every_setting_and_no_other() -> None:
    named = {(table, name) for table, given in whole_toml().items() if isinstance(given, dict) for name in given}
    assert named == set(known_settings().values())
    shown = {one["kind"]: one.keys() for one in whole_toml()["publishers"]}
    assert shown == {kind: group.model_fields.keys() for kind, group in KINDS.items()}


@pytest.mark.parametrize(("table", "name"), sorted(known_settings().values()))
def test_the_toml_file_says_of_a_setting_what_settings_say(table: str, name: str) -> None:
    part = TOML.partition(f"\n[{table}]\n")[2].partition("\n\n")[0]
    assert re.search(rf"^{re.escape(sentence(field(table, name)))}\n#?{name} = ", part, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, group in KINDS.items() for name in group.model_fields]
)
def test_the_toml_file_says_of_a_publisher_what_settings_say(kind: str, name: str) -> None:
    (part,) = (one for one in TOML.split("\n[[publishers]]\n")[1:] if f'\nkind = "{kind}"\n' in one)
    told = sentence(KINDS[kind].model_fields[name])
    assert re.search(rf"^{re.escape(told)}\n#?{name} = ", part, re.MULTILINE)


@pytest.mark.parametrize(("table", "name"), sorted(known_settings().values()))
def test_a_line_of_the_toml_file_that_is_left_out_shows_the_default(tmp_path: Path, table: str, name: str) -> None:
    if name in tomllib.loads(TOML).get(table, {}):
        assert field(table, name).is_required() or table == "nexus", "only what must be written is not left out"
        return
    shown = whole_toml()[table][name]
    if shown == "":
        assert field(table, name).default is None
        return
    given = f"[{table}]\n{name} = {json.dumps(shown)}\n"
    least = {**variables(with_optional=False), "TXTPROOF_CONFIG_FILE": str(tmp_path / "one.toml")}
    (tmp_path / "one.toml").write_text("")
    without = load_settings(least)
    (tmp_path / "one.toml").write_text(given)
    assert load_settings(least) == without


def test_the_rehearsals_files_are_settings_that_hold() -> None:
    lines = (CONFIG / "rehearsal.env").read_text()
    given = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", lines, re.MULTILINE))
    place = Path(given["TXTPROOF_CONFIG_FILE"])
    assert place == Path("/app/config/rehearsal.toml"), "where the image has it"
    settings = load_settings({**given, "TXTPROOF_CONFIG_FILE": str(CONFIG / place.name)})
    assert settings.dns.allow_private_servers
    assert [getattr(publisher, "server", "") for publisher in settings.publishers] == list(settings.dns.resolvers)
