"""How commands are written down while they wait in a row's inbox: JSON, a line each."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from txtproof.core.observations import Attach, Cancel, CheckNow, CleanUp, Command, Forget, Release, Resume


class _Attach(BaseModel):
    kind: Literal["attach"] = "attach"
    deadline: datetime | None = None
    domain: str | None = None
    correlation_id: str | None = None


class _Bare(BaseModel):
    kind: Literal["cancel", "check_now", "resume", "release", "clean_up", "forget"]


_COMMAND: TypeAdapter[_Attach | _Bare] = TypeAdapter(Annotated[_Attach | _Bare, Field(discriminator="kind")])


def write_command(command: Command) -> bytes:
    """Write a command for a row's inbox."""
    match command:
        case Attach(deadline=deadline, domain=domain, correlation_id=correlation_id):
            line: _Attach | _Bare = _Attach(deadline=deadline, domain=domain, correlation_id=correlation_id)
        case Cancel():
            line = _Bare(kind="cancel")
        case CheckNow():
            line = _Bare(kind="check_now")
        case Resume():
            line = _Bare(kind="resume")
        case Release():
            line = _Bare(kind="release")
        case CleanUp():
            line = _Bare(kind="clean_up")
        case Forget():
            line = _Bare(kind="forget")
    return line.model_dump_json(exclude_none=True).encode()


def read_command(text: bytes) -> Command:
    """Read a command from a row's inbox; a ValueError where it is none."""
    match _COMMAND.validate_json(text):
        case _Attach(deadline=deadline, domain=domain, correlation_id=correlation_id):
            return Attach(deadline, domain, correlation_id)
        case _Bare(kind="cancel"):
            return Cancel()
        case _Bare(kind="check_now"):
            return CheckNow()
        case _Bare(kind="resume"):
            return Resume()
        case _Bare(kind="clean_up"):
            return CleanUp()
        case _Bare(kind="forget"):
            return Forget()
        case _:
            return Release()
