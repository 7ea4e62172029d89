"""What is installed, pinned and shipped beside the code."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


@pytest.mark.parametrize("name", ["config", "tasks", "worker"])
def test_no_distribution_takes_the_name_of_a_folder_of_the_shell(name: str) -> None:
    assert packages_distributions().get(name, []) == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_pins_name_no_host_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|^-|^\s*#|\s@\s|/", text, re.MULTILINE)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_pin_has_a_hash(name: str) -> None:
    pins = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    assert pins
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_what_is_tested_is_what_is_run() -> None:
    run, dev = (set(re.findall(r"^[][\w.-]+==\S+", (ROOT / name).read_text(), re.MULTILINE)) for name in REQUIREMENTS)
    assert run <= dev


def test_the_changelog_tells_of_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    versions = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == version


@pytest.mark.parametrize("options", [[], ["--profile", "rehearsal"]])
def test_docker_compose_can_read_its_file(options: list[str]) -> None:
    compose = shutil.which("docker-compose")
    if compose is None:
        reason = "docker-compose is not installed"
        if os.environ.get("TXTPROOF_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run([compose, *options, "config", "-q"], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
