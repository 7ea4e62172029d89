"""The single fields of an answer that are written by strangers: texts made presentable, times made aware."""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_DETAIL = 200
"""Characters."""
LONGEST_RETRY_AFTER = timedelta(hours=1)
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")


def presentable(text: str, secrets: Collection[str] = ()) -> str:
    """Return a stranger's text as one short line for a person, without control characters and without the secrets."""
    # concealed twice: cleaning can close the gap in a secret, and can also open one
    return _concealed(_cleaned(_concealed(text, secrets)), secrets)[:MAX_DETAIL]


def _cleaned(text: str) -> str:
    kept = (" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in kept if unicodedata.category(one)[0] != "C").split())


def _concealed(text: str, secrets: Collection[str]) -> str:
    known = sorted(filter(None, secrets), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, known)), "[hidden]", text) if known else text


def instant(text: str) -> datetime:
    """Read a date-time (RFC 3339, 5.6) that may lack its offset, which then is UTC, and may count ticks of 100 ns.

    Returns UTC. Raises ValueError where it is none or lies outside the years that a datetime can hold.
    """
    if not _DATE_TIME.fullmatch(text.upper()):
        raise ValueError("not a date and time")
    read = datetime.fromisoformat(text.upper())
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP-date (RFC 9110, 5.6.7); None where there is none or it cannot be read."""
    if text is None:
        return None
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after(text: str | None, answered: datetime) -> timedelta | None:
    """Return what Retry-After asks for (RFC 9110, 10.2.3): from nothing to an hour; None where it asks nothing.

    `answered` is the other side's clock, which a date in it goes by.
    """
    text = (text or "").strip()
    if re.fullmatch(r"-[0-9]+", text):
        wanted = timedelta(0)
    elif re.fullmatch(r"[0-9]+", text):
        # a number of more digits than this is over the limit, and int() may refuse it
        wanted = timedelta(seconds=int(text)) if len(text) <= 9 else LONGEST_RETRY_AFTER
    elif (until := http_date(text)) is not None:
        wanted = until - answered
    else:
        return None
    return min(max(wanted, timedelta(0)), LONGEST_RETRY_AFTER)
