"""Polling a CRM: once a day everything in it, every quarter of an hour what changed.

Changes are read again from an hour before: systems stamp a change when it begins, and list it once it is done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from models.crm import CHANGES, EVERYTHING
from models.event import NewEvent
from models.poll import Course, Listing, Poll, PolledRecord, Said
from scheduler.pollers.http import Listed
from scheduler.pollers.poller import Page

OVERLAP = timedelta(hours=1)
COURSE = Course(
    every=timedelta(minutes=15),
    listings=(Listing(name=EVERYTHING, every=timedelta(days=1)), Listing(name=CHANGES, overlap=OVERLAP)),
)


class Question(Protocol):
    """What lists companies; `Salesforce.accounts` and `HubSpot.companies` do."""

    def __call__(self, access: Any, /, *, since: datetime | None, cursor: str | None) -> Awaitable[Listed]:
        """List all of them, or those that changed since."""


class Reader(Protocol):
    """What tells what is new; `handlers.senders.records` does."""

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the CRM's ids of records."""

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of records, and all that is said of those now."""


class CrmAdapter:
    """Asks a CRM."""

    course = COURSE

    def __init__(
        self,
        *,
        load: Callable[[str], Any],
        ask: Question,
        read: Callable[[Any, Any], Sequence[Any]],
        reader: Reader,
    ) -> None:
        """Take what reads credentials, what asks with them, what understands an entry, and what tells what is new."""
        self._load = load
        self._ask = ask
        self._read = read
        self._reader = reader

    async def read(self, credentials: str, polled: Poll, *, now: datetime) -> Page:  # noqa: ARG002 - adapters are alike
        """Read a page of companies."""
        access = self._load(credentials)
        listed = await self._ask(access, since=_since(polled), cursor=polled.cursor)
        return Page(
            records=[one for entry in listed.entries for one in self._read(entry, access)], cursor=listed.cursor
        )

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the CRM's ids of records."""
        return self._reader.ids(records)

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of records, and all that is said of those now."""
        return self._reader.changes(records, polled=polled, known=known, received_at=received_at)


def _since(polled: Poll) -> datetime | None:
    """Say from when on changes are listed: the first time from when we began to read everything."""
    if polled.listing == EVERYTHING:
        return None
    return polled.reads_from or datetime.fromisoformat(polled.read[EVERYTHING]) - OVERLAP
