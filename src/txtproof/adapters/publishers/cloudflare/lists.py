"""What is searched at Cloudflare before anything is written: a zone by its name, and all records at a name."""

from txtproof.adapters.publishers.cloudflare.answers import Envelope, ListedRecord, Pages, records, zones
from txtproof.adapters.publishers.cloudflare.exchange import Session
from txtproof.adapters.publishers.trouble import Trouble
from txtproof.core.names import canonical
from txtproof.core.observations import Blocked, Unreachable
from txtproof.core.reasons import Reason

PER_PAGE = 100
"""Records on a page, which is what Cloudflare itself takes for usual."""
MAX_PAGES = 100
"""Pages that are read; a name with more is left to a person."""
READINGS = 3
"""How often a list of several pages is read anew because it changed from one page to the next."""


async def zone_called(session: Session, zone: str) -> str:
    """Return a zone's id. Raises Trouble where the token sees none, or several and not one that is active."""
    found = [one for one in await session.get("/zones", zones, name=zone) if canonical(one.name) == zone]
    chosen = [one for one in found if one.status == "active"] or found
    if len(chosen) == 1:
        return chosen[0].id
    seen = f"sees {len(chosen)} zones called {zone}: say which with zone_id"
    if not chosen:
        seen = f"sees no zone {zone}: add it, or let the token reach it"
    raise Trouble(Blocked(Reason.NO_ZONE, f"{session.api.host}: the token {seen}"[:200]))


async def records_at(session: Session, path: str, name: str) -> list[ListedRecord]:
    """Return the records at a name, of all types. Raises Trouble."""
    for _ in range(READINGS):
        found, steady = await _read_through(session, path, name)
        if steady:
            # a filter that were not heeded would give us records of others to delete
            return [one for one in found if canonical(one.name) == name]
    raise Trouble(Unreachable(Reason.CONFLICT, f"the records at {name} change faster than they can be read"[:200]))


async def _read_through(session: Session, path: str, name: str) -> tuple[list[ListedRecord], bool]:
    """Read all pages; return also whether the number of records stayed the same: else one may lie between two pages."""
    query: dict[str, str | int] = {"name.exact": name, "per_page": PER_PAGE, "include_shadow_metadata": "true"}
    found: list[ListedRecord] = []
    counts: set[int | None] = set()
    for page in range(1, MAX_PAGES + 1):
        part, pages = await session.get(path, _page, page=page, **query)
        found += part
        counts.add(pages.total_count)
        if not _more(page, len(part), pages):
            return found, len(counts) == 1
    raise Trouble(Blocked(Reason.PUBLISHER_REFUSED, f"{name} has more than {MAX_PAGES * PER_PAGE} records"[:200]))


def _page(envelope: Envelope) -> tuple[list[ListedRecord], Pages]:
    return records(envelope), envelope.result_info or Pages()


def _more(page: int, length: int, pages: Pages) -> bool:
    if length and pages.total_pages is not None:
        return page < pages.total_pages
    return 0 < (pages.per_page or PER_PAGE) <= length
