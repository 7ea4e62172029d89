"""How rows and commands are written down: JSON of the core's own dataclasses, defaults left out."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from txtproof.core.model import Verification
from txtproof.core.observations import Attach, Cancel, Command, Resume

_VERIFICATION = TypeAdapter(Verification)


class _Attach(BaseModel):
    kind: Literal["attach"] = "attach"
    deadline: datetime | None = None
    domain: str | None = None
    correlation_id: str | None = None


class _Bare(BaseModel):
    kind: Literal["cancel", "resume"]


_COMMAND: TypeAdapter[_Attach | _Bare] = TypeAdapter(Annotated[_Attach | _Bare, Field(discriminator="kind")])


def write_verification(verification: Verification) -> bytes:
    """Write a row's document."""
    return _VERIFICATION.dump_json(verification, exclude_defaults=True)


def read_verification(document: bytes) -> Verification:
    """Read a row's document; a ValueError where it is none."""
    return _VERIFICATION.validate_json(document)


def write_command(command: Command) -> bytes:
    """Write a command for a row's inbox."""
    match command:
        case Attach(deadline=deadline, domain=domain, correlation_id=correlation_id):
            line: _Attach | _Bare = _Attach(deadline=deadline, domain=domain, correlation_id=correlation_id)
        case Cancel():
            line = _Bare(kind="cancel")
        case Resume():
            line = _Bare(kind="resume")
    return line.model_dump_json(exclude_none=True).encode()


def read_command(text: bytes) -> Command:
    """Read a command from a row's inbox; a ValueError where it is none."""
    match _COMMAND.validate_json(text):
        case _Attach(deadline=deadline, domain=domain, correlation_id=correlation_id):
            return Attach(deadline, domain, correlation_id)
        case _Bare(kind="cancel"):
            return Cancel()
        case _:
            return Resume()
