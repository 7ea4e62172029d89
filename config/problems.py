"""What is wrong with the settings, in words: which setting, what about it, and what to write instead."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from config.sources import variable
from txtproof.core.names import canonical

SHOWN = 60
"""Characters of a given text that a problem shows."""
BEARER = ("bearer_token", "application_token")
BASIC = ("basic_username", "basic_password")
REFERRED = (*BEARER, "basic_password")
"""Secrets that the file may only name, never hold: it is made to be shown around."""

PUBLISHERS, TABLE = "publishers", "[[publishers]]"
UNKNOWN_KIND = "publisher_kind"
"""The type of the error where a publisher is of no kind that there is."""

_TEXTS = {"missing": "is missing", "model_type": "is not a table", "tuple_type": "is not a list"}


class SettingsProblems(Exception):
    """Settings that the worker cannot start with: all of them, each with what to write."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def told(
    error: ErrorDetails,
    whole: Mapping[str, Any],
    tables: Mapping[str, type[BaseModel]],
    kinds: Mapping[str, type[BaseModel]],
) -> str:
    """Say one of pydantic's errors as its reader knows the setting.

    `tables`: the settings of each table; `kinds`: those of each kind of publisher.
    """
    path = error["loc"]
    group = tables.get(str(path[0]))
    if path[0] == PUBLISHERS and len(path) > 2:
        # pydantic names the kind between the publisher and its setting, and all of third parties as one
        group, path = kinds[whole[PUBLISHERS][int(path[1])]["kind"]], (*path[:2], *path[3:])
    fields = group.model_fields if group else {}
    if error["type"] == UNKNOWN_KIND:
        return _of_kind(path, whole, kinds)
    if error["type"] == "extra_forbidden":
        known = fields if len(path) > 1 else [*tables, PUBLISHERS]
        return f"{_place(path, whole)} is not a setting{meant(str(path[-1]), known, 'the file')}"
    # our own words say what to write; pydantic's do not
    if error["type"] == "value_error":
        own = error["msg"].removeprefix("Value error, ").removeprefix(f"{path[-1]} ")
        return f"{_name(path, whole)}: {own}"
    text = _TEXTS.get(error["type"], error["msg"].removeprefix("Input ").removeprefix("String "))
    field = next((fields[str(part)] for part in reversed(path[1:]) if part in fields), None)
    hint = field.json_schema_extra if field is not None else None
    table = TABLE if path[0] == PUBLISHERS else f"[{path[0]}]"
    write = hint["write"] if isinstance(hint, dict) else f"{table}, and its settings under it"
    return f"{_name(path, whole)}: {text}: write {write}"


def _of_kind(path: tuple[int | str, ...], whole: Mapping[str, Any], kinds: Iterable[str]) -> str:
    given = whole[PUBLISHERS][int(path[1])]
    if not isinstance(given, Mapping):
        return f"{_place(path, whole)}: is not a table: write {TABLE}, and its settings under it"
    kind = given.get("kind")
    close = difflib.get_close_matches(str(kind).lower(), list(kinds), n=1, cutoff=0.6)
    what = "is missing" if kind is None else f"{str(kind)[:SHOWN]!r} is none"
    advice = f"did you mean {close[0]}?" if close else f"write one of {', '.join(kinds)}"
    return f"{_place((*path, 'kind'), whole)}: {what}: {advice}"


def meant(name: str, known: Iterable[str], place: str) -> str:
    """Return what to do about a name that nobody knows."""
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else f": take it out of {place}"


def of_credentials(whole: Mapping[str, Any]) -> list[str]:
    """Say why the credentials for Nexus are not exactly one whole pair."""
    nexus = whole.get("nexus", {})
    if not isinstance(nexus, Mapping):
        return []
    pairs = [pair for pair in (BEARER, BASIC) if any(nexus.get(name) for name in pair)]
    if not pairs:
        return [f"no credential for Nexus: write {_both(BEARER)}, or {_both(BASIC)}"]
    if len(pairs) > 1:
        return [f"two credentials for Nexus: keep {_both(BEARER)}, or {_both(BASIC)}"]
    return [
        f"{variable(('nexus', name))}: is missing: write it too, {_both(pairs[0])} belong together"
        for name in pairs[0]
        if not nexus.get(name)
    ]


def of_secrets(file: Mapping[str, Any]) -> list[str]:
    """Say which secrets of Nexus the file holds where it should name their place."""
    nexus = file.get("nexus", {})
    if not isinstance(nexus, Mapping):
        return []
    return [
        f"nexus.{name} in the file: write env:NAME or file:PATH, not the secret itself"
        for name in REFERRED
        if isinstance(given := nexus.get(name), str) and given and not given.startswith(("env:", "file:"))
    ]


def of_repetition(whole: Mapping[str, Any]) -> list[str]:
    """Say which names and zones more than one publisher has."""
    publishers = [one for one in _listed(whole.get(PUBLISHERS)) if isinstance(one, Mapping)]
    names = [one["name"] for one in publishers if isinstance(one.get("name"), str)]
    zones = [canonical(zone) for one in publishers for zone in _listed(one.get("zones")) if isinstance(zone, str)]
    return [
        f"publishers: the {what} {given[:SHOWN]!r} is given twice: give it to one publisher"
        for what, all_given in (("name", names), ("zone", zones))
        for given, times in Counter(all_given).items()
        if times > 1
    ]


def _both(pair: tuple[str, str]) -> str:
    return " and ".join(variable(("nexus", name)) for name in pair)


def _listed(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list) else ()


def _name(path: tuple[int | str, ...], whole: Mapping[str, Any]) -> str:
    """Name a setting: by its variable, or by publisher and key."""
    if path[0] == PUBLISHERS or len(path) == 1:
        return _place(path, whole)
    return variable([str(part) for part in path[:2]])


def _place(path: tuple[int | str, ...], whole: Mapping[str, Any]) -> str:
    """Say where in the file something stands."""
    if path[0] != PUBLISHERS or len(path) == 1:
        return f"{'.'.join(str(part)[:SHOWN] for part in path)!r} in the file"
    publisher = whole[PUBLISHERS][int(path[1])]
    name = publisher.get("name") if isinstance(publisher, Mapping) else None
    who = name[:SHOWN] if isinstance(name, str) and name.isprintable() and name else int(path[1]) + 1
    return ": ".join([f"publisher {who}", *(repr(part)[1:-1][:SHOWN] for part in path[2:3])])
