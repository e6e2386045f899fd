"""Polling ChartMogul: every five minutes its activities, every hour its customers; first once all there ever was."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from models import poll
from models.database import Database
from models.event import NewEvent
from models.poll import Activities, Course, Listing, Poll, PolledRecord, Said
from scheduler.pollers.chartmogul_api import ChartMogul
from scheduler.pollers.http import GoneError, UnknownError
from scheduler.pollers.poller import Page

log = structlog.get_logger()

CUSTOMERS = Listing(name="customers", every=timedelta(hours=1))
ACTIVITIES = Listing(name="activities", overlap=timedelta(days=3), look_back=timedelta(days=31))
COURSE = Course(every=timedelta(minutes=5), listings=(CUSTOMERS, ACTIVITIES))
"""Customers come first, since the movements' messages need their names and owners."""


class Reader(Protocol):
    """What understands ChartMogul's words; `handlers.senders.polled` does."""

    def activities(self, entries: Sequence[Any], *, polled: Poll, received_at: datetime) -> Activities:
        """Read a page of activities."""

    def uuids(self, entries: Sequence[Any]) -> list[str]:
        """Give the uuids of customers."""

    def customers(
        self, entries: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of customers, and all that is said of those now."""


class ChartMogulAdapter:
    """Asks ChartMogul."""

    course = COURSE

    def __init__(self, *, database: Database, api: ChartMogul, reader: Reader) -> None:
        """Take what is needed."""
        self._database = database
        self._api = api
        self._reader = reader

    async def read(self, credentials: str, polled: Poll, *, now: datetime) -> Page:
        """Read a page of customers, or of activities with the customers that are behind the news among them."""
        if polled.listing == CUSTOMERS.name:
            page = await self._api.customers(credentials, cursor=polled.cursor)
            return Page(records=page.entries, cursor=page.cursor)
        page = await self._api.activities(credentials, since=polled.reads_from, cursor=polled.cursor)
        read = self._reader.activities(page.entries, polled=polled, received_at=now)
        return Page(
            events=[one for one, _ in read.events],
            records=await self._customers_of_news(credentials, polled, read),
            cursor=page.cursor,
            at_page_end=read.at_page_end,
        )

    async def _customers_of_news(self, key: str, polled: Poll, read: Activities) -> list[Any]:
        """Ask who is behind the movements that are news, since their messages name the owner and show attributes."""
        async with self._database.read() as session:
            new = await poll.unknown(session, [one for one, _ in read.events])
        news = {one.dedupe_key for one in new if one.refusal is None and not one.is_history}
        asked = dict.fromkeys(uuid for one, uuid in read.events if uuid is not None and one.dedupe_key in news)
        found = []
        for uuid in asked:
            try:
                found.append(await self._api.customer(key, uuid))
            except (GoneError, UnknownError):
                log.info("customer_gone", source_id=polled.source_id)
        return found

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the uuids of customers."""
        return self._reader.uuids(records)

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of customers, and all that is said of those now."""
        return self._reader.customers(records, polled=polled, known=known, received_at=received_at)
