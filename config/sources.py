"""Where settings come from: the environment, and one TOML file that it names. The environment beats the file."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PREFIX = "TXTPROOF_"
CONFIG_FILE = "TXTPROOF_CONFIG_FILE"
OTHERS = frozenset({CONFIG_FILE, "TXTPROOF_REQUIRE_SERVERS"})
"""Variables with our prefix that are no settings of the worker: where the file is, and a switch of the tests."""


def variable(path: Iterable[str]) -> str:
    """Return the environment variable of a setting: `("redis", "url")` is `TXTPROOF_REDIS__URL`."""
    return PREFIX + "__".join(path).upper()


def from_file(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Read the TOML file, where one is named; return what it says and what is wrong with it."""
    name = environ.get(CONFIG_FILE, "")
    if not name:
        return {}, []
    try:
        return tomllib.loads(Path(name).read_bytes().decode()), []
    except OSError as fault:
        return {}, [f"{CONFIG_FILE}: {name} cannot be read ({fault.strerror}): write the path of a TOML file"]
    except UnicodeDecodeError:
        return {}, [f"{CONFIG_FILE}: {name} is not UTF-8: save it as UTF-8"]
    except tomllib.TOMLDecodeError as fault:
        return {}, [f"{CONFIG_FILE}: {name} is not TOML: {fault}"]


def with_environment(
    file: dict[str, Any], environ: Mapping[str, str], known: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Any], list[str]]:
    """Lay the environment over what the file says; return the whole, and what is set that nobody knows.

    `known`: each setting's variable, and its path. An empty variable counts as not set, as in an env file.
    """
    whole = {name: dict(part) if isinstance(part, dict) else part for name, part in file.items()}
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in OTHERS:
            continue
        if name not in known:
            problems.append(f"{name} is not a setting{_meant(name, known)}")
        elif environ[name]:
            group, setting = known[name]
            part = whole.setdefault(group, {})
            if isinstance(part, dict):
                part[setting] = environ[name]
    return whole, problems


def _meant(name: str, known: Iterable[str]) -> str:
    # without the prefix: it would make any two variables look alike
    bare = {one.removeprefix(PREFIX): one for one in known}
    close = difflib.get_close_matches(name.removeprefix(PREFIX), list(bare), n=1, cutoff=0.6)
    return f": did you mean {bare[close[0]]}?" if close else ": take it out of the environment"
