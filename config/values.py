"""Kinds of values that settings have, and how each is written."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter, ValidationInfo

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STRINGS = TypeAdapter(list[str])


def number(given: Any) -> Any:
    """Refuse true and false, which Python takes for 1 and 0."""
    if isinstance(given, bool):
        raise ValueError("is true or false: write a number")  # noqa: TRY004  # pydantic listens to no TypeError
    return given


def duration(given: Any) -> Any:
    """Read `90`, `90s`, `15m`, `36h` or `7d`; ISO 8601 (`P7D`) is left to pydantic."""
    if isinstance(given, str) and (found := re.fullmatch(r"([0-9]{1,9})([smhd]?)", given)):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2] or "s"])
    if isinstance(given, str) and not given.startswith("P"):
        raise ValueError(f"{given[:60]!r} is no duration: write 90s, 15m, 36h, 7d or, in ISO 8601, P7D")
    return number(given)


def strings(given: Any) -> Any:
    """Read a JSON list, as an environment variable holds it."""
    if not isinstance(given, str):
        return given
    try:
        return _STRINGS.validate_json(given)
    except ValueError:
        raise ValueError('is not a JSON list: write, for example, ["192.0.2.53:53"]') from None


def secret(given: Any, info: ValidationInfo) -> Any:
    """Follow `env:NAME` and `file:PATH` to the secret; anything else is the secret itself."""
    if isinstance(given, SecretStr) or not isinstance(given, str):
        return given
    kind, _, place = given.partition(":")
    environ: Mapping[str, str] = (info.context or {}).get("environ", {})
    if kind == "env":
        if not environ.get(place):
            raise ValueError(f"the variable {place[:60]!r} is not set: set it to the secret")
        return environ[place]
    if kind == "file":
        try:
            found = Path(place).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            found = ""
        if not found:
            raise ValueError(f"the file {place[:200]!r} cannot be read or is empty: put the secret there")
        return found
    return given


def dereferenced(given: Any, info: ValidationInfo) -> Any:
    """Follow every `env:NAME` and `file:PATH` in a table, however deep: there a SecretStr stands instead."""
    match given:
        case {}:
            return {key: _at(key, one, info) for key, one in given.items()}
        case list():
            return [dereferenced(one, info) for one in given]
        case str() if given.startswith(("env:", "file:")):
            return SecretStr(secret(given, info))
        case _:
            return given


def _at(key: str, given: Any, info: ValidationInfo) -> Any:
    try:
        return dereferenced(given, info)
    except ValueError as wrong:
        raise ValueError(f"{key[:60]}: {wrong}") from None


def referred(given: Any) -> Any:
    """Insist that a secret of the file is named, not written out: the file is made to be shown around."""
    if isinstance(given, str) and not given.startswith(("env:", "file:")):
        raise ValueError("write env:NAME or file:PATH, not the secret itself")
    return given


Number = Annotated[int, BeforeValidator(number)]
Rate = Annotated[float, BeforeValidator(number), Field(allow_inf_nan=False)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Strings = Annotated[tuple[str, ...], BeforeValidator(strings)]
Secret = Annotated[SecretStr, BeforeValidator(secret)]
ReferredSecret = Annotated[SecretStr, BeforeValidator(secret), BeforeValidator(referred)]
