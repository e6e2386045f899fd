"""Polling Stripe: every minute its events, every day its subscriptions and customers; first once all there ever was.

Events make up for webhooks that were missed, in the last 30 days, and bring those that left open what a discount is.
The list of subscriptions brings what began earlier, and whatever no event told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from models import poll, source, stripe
from models.database import Database
from models.event import NewEvent
from models.poll import Course, Listing, Poll, PolledRecord, Said
from models.stripe import Rules
from scheduler.pollers.http import GoneError, UnknownError
from scheduler.pollers.poller import Page
from scheduler.pollers.stripe_api import Stripe

log = structlog.get_logger()

CUSTOMERS = Listing(name="customers", every=timedelta(days=1))
SUBSCRIPTIONS = Listing(name="subscriptions", every=timedelta(days=1))
EVENTS = Listing(name="events", overlap=timedelta(minutes=10))
COURSE = Course(every=timedelta(minutes=1), listings=(CUSTOMERS, SUBSCRIPTIONS, EVENTS))
"""Customers come first, since the movements' messages need their names."""

Json = Mapping[str, Any]


class ListedSubscription(Protocol):
    """A subscription as it was listed."""

    @property
    def events(self) -> list[NewEvent]:
        """Give what says what it is worth."""


class Reader(Protocol):
    """What understands Stripe's words; `handlers.senders.stripe_polled` does."""

    def event(
        self, entry: Any, *, polled: Poll, rules: Rules, coupons: Mapping[str, Json], received_at: datetime
    ) -> list[NewEvent]:
        """Read an event."""

    def open_discounts(self, entry: Any) -> str | None:
        """Give the id of an event's subscription where the event does not tell what its discounts are."""

    def coupons(self, subscription: Json) -> Mapping[str, Json]:
        """Give the coupons of an expanded subscription, by their discounts' ids."""

    def subscriptions(
        self, entries: Sequence[Any], *, polled: Poll, rules: Rules, received_at: datetime
    ) -> Sequence[ListedSubscription]:
        """Read a page of subscriptions."""

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the ids of subscriptions or customers."""

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of subscriptions or customers, and all that is said of them now."""


class StripeAdapter:
    """Asks Stripe."""

    course = COURSE

    def __init__(self, *, database: Database, api: Stripe, reader: Reader, kinds: Sequence[str]) -> None:
        """Take what is needed, with the kinds of events that are of use."""
        self._database = database
        self._api = api
        self._reader = reader
        self._kinds = kinds

    async def read(self, credentials: str, polled: Poll, *, now: datetime) -> Page:
        """Read a page of customers, subscriptions or events."""
        if polled.listing == CUSTOMERS.name:
            page = await self._api.customers(credentials, cursor=polled.cursor)
            return Page(records=page.entries, cursor=page.cursor)
        async with self._database.read() as session:
            rules = stripe.rules(await source.get(session, polled.workspace_id, polled.source_id))
        if polled.listing == SUBSCRIPTIONS.name:
            return await self._subscriptions(credentials, polled, rules, now=now)
        return await self._events(credentials, polled, rules, now=now)

    async def _subscriptions(self, key: str, polled: Poll, rules: Rules, *, now: datetime) -> Page:
        page = await self._api.subscriptions(key, cursor=polled.cursor)
        listed = self._reader.subscriptions(page.entries, polled=polled, rules=rules, received_at=now)
        history = [told for one in listed for told in one.events] if polled.is_first_reading else []
        return Page(events=history, records=listed, cursor=page.cursor)

    async def _events(self, key: str, polled: Poll, rules: Rules, *, now: datetime) -> Page:
        page = await self._api.events(key, self._kinds, since=polled.reads_from, cursor=polled.cursor)
        events: list[NewEvent] = []
        asked: dict[str, Mapping[str, Json]] = {}
        for entry in page.entries:
            read = self._reader.event(entry, polled=polled, rules=rules, coupons={}, received_at=now)
            subscription_id = self._reader.open_discounts(entry)
            if subscription_id is not None:
                if not await self._is_new(read):
                    continue
                if subscription_id not in asked:
                    asked[subscription_id] = await self._coupons(key, polled, subscription_id)
                coupons = asked[subscription_id]
                read = self._reader.event(entry, polled=polled, rules=rules, coupons=coupons, received_at=now)
            events += read
        return Page(events=events, cursor=page.cursor)

    async def _is_new(self, events: Sequence[NewEvent]) -> bool:
        async with self._database.read() as session:
            return bool(await poll.unknown(session, [one for one in events if one.refusal is None]))

    async def _coupons(self, key: str, polled: Poll, subscription_id: str) -> Mapping[str, Json]:
        """Ask what the discounts of a subscription are. Those that it had before, nobody can tell any more."""
        try:
            return self._reader.coupons(await self._api.subscription(key, subscription_id))
        except (GoneError, UnknownError):
            log.info("subscription_gone", source_id=polled.source_id)
            return {}

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the ids of subscriptions or customers."""
        return self._reader.ids(records)

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of subscriptions or customers, and all that is said of them now."""
        return self._reader.changes(records, polled=polled, known=known, received_at=received_at)
