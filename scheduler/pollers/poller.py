"""The poller: what a source's own system lists is read page by page, whatever the kind of source, and stored.

Each page is stored in the transaction that notes how far we are, and nothing is held while we wait for an answer. A
limit or a failure puts the poll off, and it goes on where it stopped, in whichever worker.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import event, history, keeper, lane, poll, source
from models.database import Database
from models.delivery import RUNRATE, FactKind, Owed
from models.event import NewEvent
from models.poll import Course, Poll, PolledRecord, Said
from models.recipient import RecipientKind
from models.secret import Keyring, SecretUnreadableError
from scheduler.decisions import back_off
from scheduler.pollers.http import ApiError, LimitedError, RefusedError, UnknownError, wait_of

log = structlog.get_logger()

PAGES_AT_A_TIME = 20
"""After so many pages another poll has its turn: the history of one source does not keep the news of others waiting."""

REFUSED_WAIT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page comes to. The cursor leads to the next one, where there is one."""

    events: Sequence[NewEvent] = ()
    """What happened: of these, those are stored that the inbox does not have."""
    records: Sequence[Any] = ()
    """Customers or companies as they are now, as they were listed: what changed of them is stored."""
    cursor: str | None = None
    at_page_end: Mapping[str, Any] = field(default_factory=dict)


class Adapter(Protocol):
    """What asks one kind of system, and understands its words."""

    course: Course

    async def read(self, credentials: str, polled: Poll, *, now: datetime) -> Page:
        """Ask for the next page of what is being read. Raises `ApiError` where that is not answered."""

    def ids(self, records: Sequence[Any]) -> list[str]:
        """Give the other system's ids of records."""

    def changes(
        self, records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
    ) -> tuple[Sequence[NewEvent], Said]:
        """Read what is new of records, and all that is said of those now."""


class Poller:
    """Polls every source that there are credentials of. Any number of pollers may share a database."""

    def __init__(
        self,
        *,
        database: Database,
        adapters: Mapping[str, Adapter],
        keyring: Keyring,
        now: Callable[[], datetime],
    ) -> None:
        """Take what is needed, with an adapter for each kind of source that can be polled."""
        self._database = database
        self._adapters = adapters
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
            claimed = await poll.claim(session, now=self._now())
            if claimed is not None:
                poll.begin(claimed, self._adapters[claimed.kind].course, now=self._now())
            return claimed

    async def _read_some(self, claimed: Poll) -> None:
        """Read some pages; what stands in the way is noted with the poll."""
        try:
            credentials = self._keyring.open(claimed.credentials_sealed)
            for _ in range(PAGES_AT_A_TIME):
                page = await self._adapters[claimed.kind].read(credentials, claimed, now=self._now())
                held = await self._store(claimed, page)
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

    async def _store(self, claimed: Poll, page: Page) -> Poll | None:
        """Store a page, records before what happened at them, and note how far we are.

        None where there is nothing more to read now, or somebody else reads.
        """
        now, adapter = self._now(), self._adapters[claimed.kind]
        async with self._database.write() as session:
            held = await poll.hold(session, claimed, now=now)
            if held is None:
                return None
            await self._store_records(session, held, adapter, page.records, now=now)
            await self._store_events(session, held, page.events)
            if poll.read_on(held, adapter.course, cursor=page.cursor, at_page_end=page.at_page_end, now=now):
                return held
            await self._tell_of_history(session, held, now=now)
            return None

    async def _store_events(self, session: AsyncSession, held: Poll, events: Sequence[NewEvent]) -> None:
        new = await poll.unknown(session, events)
        await event.store(session, new)
        held.owes_history = held.owes_history or (held.is_first_reading and any(one.is_history for one in new))

    async def _tell_of_history(self, session: AsyncSession, held: Poll, *, now: datetime) -> None:
        """Owe what history comes to, once all of it is applied."""
        if held.owes_history and not await poll.is_any_waiting(session, held.source_id):
            held.owes_history = False
            await history.owe(session, await source.get(session, held.workspace_id, held.source_id), now=now)

    async def _store_records(
        self, session: AsyncSession, held: Poll, adapter: Adapter, records: Sequence[Any], *, now: datetime
    ) -> None:
        known = await poll.records(session, held.source_id, adapter.ids(records))
        events, said = adapter.changes(records, polled=held, known=known, received_at=now)
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
        """Note it, and tell once whoever entered the credentials, or managers."""
        if not poll.refuse(held, trouble=words_of(error), until=now + REFUSED_WAIT, now=now):
            return
        fact = (FactKind.KEY_REFUSED, poll.streak_of(held))
        told = await keeper.theirs_or_managers(session, held.workspace_id, held.entered_by)
        owed = [Owed(asked_by=RUNRATE, fact=fact, recipient=(RecipientKind.PERSON, one)) for one in told]
        await lane.owe(session, held.workspace_id, owed, now=now)


def words_of(error: Exception) -> str:
    """Say what stands in the way, in words that follow the name of who was asked."""
    return error.words if isinstance(error, ApiError) else "can't be asked: what opens its API can't be decrypted"


def _pause(held: Poll) -> timedelta:
    """Wait twice as long after each failure, and not all at once."""
    return back_off(held.failures + 1, spread=random.random())  # noqa: S311 - it only spreads load
