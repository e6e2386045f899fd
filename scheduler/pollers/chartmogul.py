"""Polling ChartMogul: every five minutes its activities, every hour its customers; first once all there ever was.

A poll is read page by page. Each page is stored in the transaction that notes how far we are, and nothing is held while
we wait for an answer. A limit or a failure puts the poll off, and it goes on where it stopped, in whichever worker.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import event, history, installation, lane, poll, source
from models.database import Database
from models.delivery import RUNRATE, FactKind, Owed
from models.event import NewEvent
from models.poll import Activities, Poll, PolledCustomer, Said, Stage
from models.recipient import RecipientKind
from models.secret import Keyring, SecretUnreadableError
from scheduler.decisions import back_off
from scheduler.pollers.chartmogul_api import ChartMogul, Page
from scheduler.pollers.http import ApiError, GoneError, LimitedError, RefusedError, UnknownError, wait_of

log = structlog.get_logger()

PAGES_AT_A_TIME = 20
"""After so many pages another poll has its turn: the history of one source does not keep the news of others waiting."""

REFUSED_WAIT = timedelta(hours=1)


class Reader(Protocol):
    """What understands ChartMogul's words; `handlers.senders.polled` does."""

    def activities(self, entries: Sequence[Any], *, polled: Poll, received_at: datetime) -> Activities:
        """Read a page of activities."""

    def uuids(self, entries: Sequence[Any]) -> list[str]:
        """Give the uuids of customers."""

    def customers(
        self, entries: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledCustomer], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of customers, and all that is said of those now."""


class ChartMogulPoller:
    """Polls every source that has an API key. Any number of them may share a database."""

    def __init__(
        self,
        *,
        database: Database,
        api: ChartMogul,
        reader: Reader,
        keyring: Keyring,
        now: Callable[[], datetime],
    ) -> None:
        """Take what is needed."""
        self._database = database
        self._api = api
        self._reader = reader
        self._keyring = keyring
        self._now = now

    async def poll_due(self) -> None:
        """Poll whatever is due."""
        while (claimed := await self._claim()) is not None:
            await self._read_some(claimed)

    async def _claim(self) -> Poll | None:
        async with self._database.read() as session:
            is_due = await poll.is_any_due(session, now=self._now())
            is_removed = await poll.is_any_removed(session)
        if not (is_due or is_removed):
            return None
        async with self._database.write() as session:
            await poll.forget_removed(session)
            return await poll.claim(session, now=self._now())

    async def _read_some(self, claimed: Poll) -> None:
        """Read some pages; what stands in the way is noted with the poll."""
        try:
            key = self._keyring.open(claimed.key_sealed)
            for _ in range(PAGES_AT_A_TIME):
                held = await self._read_page(key, claimed)
                if held is None:
                    return
                claimed = held
        except UnknownError as error:
            await self._note(claimed, error, self._restart if claimed.cursor is not None else self._fail)
        except RefusedError as error:
            await self._note(claimed, error, self._refuse)
        except (ApiError, SecretUnreadableError) as error:
            await self._note(claimed, error, self._fail)
        else:
            async with self._database.write() as session:
                held = await poll.hold(session, claimed, now=self._now())
                if held is not None:
                    poll.put_off(held, until=self._now())

    async def _read_page(self, key: str, claimed: Poll) -> Poll | None:
        """Read and store a page; None where there is nothing more to read now, or somebody else reads."""
        if claimed.stage == Stage.CUSTOMERS:
            page = await self._api.customers(key, cursor=claimed.cursor)
            return await self._store(claimed, page, customers=page.entries)
        page = await self._api.activities(key, since=claimed.reads_from, cursor=claimed.cursor)
        read = self._reader.activities(page.entries, polled=claimed, received_at=self._now())
        fresh = await self._customers_of_news(key, claimed, read)
        return await self._store(claimed, page, customers=fresh, activities=read)

    async def _customers_of_news(self, key: str, claimed: Poll, read: Activities) -> list[Any]:
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
                log.info("customer_gone", source_id=claimed.source_id)
        return found

    async def _store(
        self, claimed: Poll, page: Page, *, customers: Sequence[Any], activities: Activities | None = None
    ) -> Poll | None:
        """Store a page, customers before what happened at them, and note how far we are."""
        now = self._now()
        async with self._database.write() as session:
            held = await poll.hold(session, claimed, now=now)
            if held is None:
                return None
            await self._store_customers(session, held, customers, now=now)
            if activities is not None:
                await self._store_activities(session, held, activities)
            end = activities.at_page_end if activities is not None else {}
            if poll.read_on(held, cursor=page.cursor, at_page_end=end, now=now):
                return held
            await self._tell_of_history(session, held, now=now)
            return None

    async def _store_activities(self, session: AsyncSession, held: Poll, activities: Activities) -> None:
        new = await poll.unknown(session, [one for one, _ in activities.events])
        await event.store(session, new)
        is_first = held.read_until is None
        held.owes_history = held.owes_history or (is_first and any(one.is_history for one in new))

    async def _tell_of_history(self, session: AsyncSession, held: Poll, *, now: datetime) -> None:
        """Owe what history comes to, once all of it is applied."""
        if held.owes_history and not await poll.is_any_waiting(session, held.source_id):
            held.owes_history = False
            await history.owe(session, await source.get(session, held.workspace_id, held.source_id), now=now)

    async def _store_customers(
        self, session: AsyncSession, held: Poll, entries: Sequence[Any], *, now: datetime
    ) -> None:
        known = await poll.customers(session, held.source_id, self._reader.uuids(entries))
        events, said = self._reader.customers(entries, polled=held, known=known, received_at=now)
        await event.store(session, await poll.unknown(session, events))
        await poll.remember(session, held, said)

    # --- what stands in the way ------------------------------------------------------------------------------------

    async def _note(self, claimed: Poll, error: Exception, note: Callable[..., Any]) -> None:
        now = self._now()
        async with self._database.write() as session:
            held = await poll.hold(session, claimed, now=now)
            if held is not None:
                await note(session, held, error, now=now)
        log.info("poll_put_off", source_id=claimed.source_id, error=type(error).__name__, words=words_of(error))

    async def _restart(self, _session: AsyncSession, held: Poll, error: Exception, *, now: datetime) -> None:
        poll.restart(held, trouble=words_of(error), until=now + _pause(held))

    async def _fail(self, _session: AsyncSession, held: Poll, error: Exception, *, now: datetime) -> None:
        asked = wait_of(error.retry_after, now=now) if isinstance(error, LimitedError) else None
        poll.fail(held, trouble=words_of(error), until=now + (asked or _pause(held)))

    async def _refuse(self, session: AsyncSession, held: Poll, error: Exception, *, now: datetime) -> None:
        """Note it, and tell once whoever entered the key."""
        if not poll.refuse(held, trouble=words_of(error), until=now + REFUSED_WAIT, now=now):
            return
        grant = await installation.get(session, held.workspace_id)
        person = held.key_by if held.key_by.startswith(("U", "W")) else grant.installed_by if grant else None
        if person is not None:
            fact = (FactKind.KEY_REFUSED, poll.streak_of(held))
            owed = Owed(asked_by=RUNRATE, fact=fact, recipient=(RecipientKind.PERSON, person))
            await lane.owe(session, held.workspace_id, [owed], now=now)


def words_of(error: Exception) -> str:
    """Say what stands in the way, in words that follow “ChartMogul”."""
    return error.words if isinstance(error, ApiError) else "can't be asked: the API key can't be decrypted"


def _pause(held: Poll) -> timedelta:
    """Wait twice as long after each failure, and not all at once."""
    return back_off(held.failures + 1, spread=random.random())  # noqa: S311 - it only spreads load
