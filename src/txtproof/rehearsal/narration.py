"""How events look on the terminal."""

from datetime import datetime
from typing import Any

from rich.text import Text

COLOURS = {"verified": "bold green", "blocked": "bold yellow", "failed": "bold red", "code-issued": "cyan"}


def kind_of(event: dict[str, Any]) -> str:
    """Return the short name of an event's type."""
    return str(event["type"]).removeprefix("com.txtproof.verification.").removesuffix(".v1")


def event_line(event: dict[str, Any]) -> Text:
    """Return one line about an event."""
    kind, data = kind_of(event), event["data"]
    time_of_day = datetime.fromisoformat(event["time"]).strftime("%H:%M:%S.%f")[:-5]
    line = Text.assemble(
        (f"{time_of_day}  ", "dim"),
        f"{data['domain'] or '-':<14} ",
        (f"{kind:<17} ", COLOURS.get(kind, "")),
        _particulars(kind, data),
    )
    line.rstrip()
    return line


def _particulars(kind: str, data: dict[str, Any]) -> str:
    match kind:
        case "code-issued":
            return f"code {data['generation']}, sha256 {data['code_sha256']}"
        case "record-published":
            return f"TXT at {data['name']} by {data['publisher']}"
        case "checked" | "blocked":
            return f"{data['title']} {data['detail']}"
        case "verified":
            return f"by {', '.join(one['server'] for one in data['evidence'])}, with code {data['generation']}"
        case _:
            return ""
