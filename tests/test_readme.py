"""What the README says can be done, can be."""

import re
from pathlib import Path

from txtproof.adapters.messages import read_order, read_request
from txtproof.cli import cli
from txtproof.core.orders import Order

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_message_that_it_shows_is_accepted() -> None:
    shown = re.search(r"event '(\{.*?\})'", README)
    assert shown is not None
    assert isinstance(read_order(shown[1].encode()), Order)


def test_the_task_that_it_shows_is_accepted() -> None:
    shown = re.search(r"kwargs=(\{.*?\})", README)
    assert shown is not None
    assert isinstance(read_request(eval(shown[1])), Order)  # a line of our own README


def test_it_shows_every_command_and_no_other() -> None:
    (block,) = re.findall(r"```sh\n(txtproof .*?)```", README, re.DOTALL)
    shown = set(re.findall(r"^txtproof ([\w-]+)", block, re.MULTILINE))
    assert shown == set(cli.commands)


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
