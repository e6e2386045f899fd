"""A poll: how far we have read what a source's own system lists at its API, with the API key, encrypted.

Whoever polls claims the row by a lease with a fencing token, so that any number of workers poll once. Progress is
written in the transaction that stores what was read: after a crash, reading goes on where it stopped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Text, and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import Base, Id, JsonValue, Number, UserError, among, insert
from models.database import wake
from models.event import IS_WAITING, Event, NewEvent
from models.secret import Keyring
from models.source import Source
from models.wakeup import Topic

LEASE = timedelta(minutes=2)
"""Outlasts the time limit of a request by far; every page that is stored renews it."""

EVERY = timedelta(minutes=5)
CUSTOMERS_EVERY = timedelta(hours=1)
OVERLAP = timedelta(days=3)
"""How far back each poll reads again: activities are listed by when they happened, and some are imported late."""

LOOK_BACK_EVERY = timedelta(days=1)
LOOK_BACK = timedelta(days=31)
"""The same once a day. What is found there alone was imported so late that it is history."""

LONGEST_KEY = 200


class Stage(StrEnum):
    """What is being read."""

    CUSTOMERS = "customers"
    ACTIVITIES = "activities"


class ApiKeyError(UserError):
    """That can't be an API key. Copy it from ChartMogul's profile once more."""


class Poll(Base):
    """The API key of a source, and how far it was read with it."""

    __tablename__ = "polls"

    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    key_sealed: Mapped[str] = mapped_column(Text)
    key_by: Mapped[str] = mapped_column(Id)
    """Who entered the key, and hears when it is refused."""
    news_since: Mapped[datetime]
    """When the first key was entered: what happened before is history."""
    stage: Mapped[str | None] = mapped_column(String(20))
    """What is being read; None between two polls."""
    began_at: Mapped[datetime | None]
    """When that began."""
    reads_from: Mapped[datetime | None]
    """From when on activities are being read; None from the first one on."""
    cursor: Mapped[str | None] = mapped_column(Text)
    """Where the next page begins."""
    at_page_end: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)
    """The activities of the last instant that was read, to be told apart from equal ones on the next page.

    By their key: the instant, and their uuids.
    """
    read_until: Mapped[datetime | None]
    """When the last poll that read all activities began."""
    looked_back_at: Mapped[datetime | None]
    customers_at: Mapped[datetime | None]
    """When the last poll that read all customers began."""
    owes_history: Mapped[bool] = mapped_column(default=False)
    """History came in, of which nobody was told yet what it comes to."""
    failures: Mapped[int] = mapped_column(default=0)
    """How many requests in succession failed."""
    trouble: Mapped[str | None] = mapped_column(Text)
    """What stands in the way, in words."""
    refused_at: Mapped[datetime | None]
    """Since when the API key is refused."""
    next_poll_at: Mapped[datetime] = mapped_column(index=True)
    lease_until: Mapped[datetime | None]
    token: Mapped[int] = mapped_column(Number, default=0)

    @property
    def history_before(self) -> datetime:
        """Give the instant before which whatever is new to us happened too long ago to be news."""
        return self.news_since if self.read_until is None else max(self.news_since, self.read_until - OVERLAP)


class PolledCustomer(Base):
    """What a source's API said last of one of its customers, so that only changes become events."""

    __tablename__ = "polled_customers"

    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(255), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    said: Mapped[list[dict[str, Any]]] = mapped_column(JsonValue)
    changes: Mapped[int]


Said = Mapping[str, Sequence[dict[str, Any]]]
"""What is said of customers, by uuid: facts, as the inbox keeps them."""


@dataclass(frozen=True)
class Activities:
    """What a page of activities comes to: events, each with its customer's uuid, and what ended the page."""

    events: Sequence[tuple[NewEvent, str | None]]
    at_page_end: Mapping[str, Any]


def read_key(written: str) -> str:
    """Check an API key as far as that can be done here."""
    key = written.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or ":" in key or len(key) > LONGEST_KEY:
        raise ApiKeyError
    return key


async def connect(
    session: AsyncSession, source: Source, *, api_key: str, keyring: Keyring, by: str, now: datetime
) -> None:
    """Poll with this API key from now on. Another key than before goes on where that one stopped."""
    found = await session.get(Poll, source.id, with_for_update=True)
    if found is None:
        found = Poll(source_id=source.id, workspace_id=source.workspace_id, news_since=now, at_page_end={}, token=0)
        session.add(found)
    found.key_sealed, found.key_by = keyring.seal(read_key(api_key)), by
    found.failures, found.trouble, found.refused_at = 0, None, None
    _begin_anew(found)
    found.next_poll_at, found.lease_until, found.token = now, None, found.token + 1
    _record(session, source, "source.api_key_entered", by=by, now=now)
    wake(session, Topic.SOURCES)


async def disconnect(session: AsyncSession, source: Source, *, by: str, now: datetime) -> None:
    """Forget the API key. What was read stays."""
    await session.execute(delete(Poll).where(Poll.source_id == source.id))
    _record(session, source, "source.api_key_removed", by=by, now=now)


def _record(session: AsyncSession, source: Source, action: str, *, by: str, now: datetime) -> None:
    audit.record(session, source.workspace_id, actor=by, action=action, subject_id=source.id, now=now)


async def of_source(session: AsyncSession, source_id: str) -> Poll | None:
    """Find the poll of a source."""
    return await session.get(Poll, source_id)


async def of_sources(session: AsyncSession, source_ids: Collection[str]) -> dict[str, Poll]:
    """Give the polls of sources, by the source's id."""
    return {one.source_id: one for one in await session.scalars(select(Poll).where(among(Poll.source_id, source_ids)))}


def streak_of(poll: Poll) -> str:
    """Name the time in which a poll's key is refused, for the one notice of it."""
    return f"{poll.source_id}#{poll.token}"


def source_of(streak: str) -> str:
    """Give the source's id from that name."""
    return streak.partition("#")[0]


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt every API key anew with the newest secret key; say how many there were."""
    polls = list(await session.scalars(select(Poll)))
    for one in polls:
        one.key_sealed = keyring.rotate(one.key_sealed)
    return len(polls)


# --- claiming ------------------------------------------------------------------------------------------------------


def _is_due(now: datetime) -> ColumnElement[bool]:
    works = exists().where(Source.id == Poll.source_id, Source.removed_at.is_(None), Source.paused_at.is_(None))
    return and_(Poll.next_poll_at <= now, or_(Poll.lease_until.is_(None), Poll.lease_until <= now), works)


def _is_removed(source_id: Any) -> ColumnElement[bool]:
    return exists().where(Source.id == source_id, Source.removed_at.is_not(None))


def _due(now: datetime) -> Select[Poll]:
    return select(Poll).where(_is_due(now)).order_by(Poll.next_poll_at).limit(1)


async def is_any_due(session: AsyncSession, *, now: datetime) -> bool:
    """Say whether there is something to poll."""
    return await session.scalar(_due(now)) is not None


async def claim(session: AsyncSession, *, now: datetime) -> Poll | None:
    """Lease the poll that waited longest; other workers skip it."""
    found: Poll | None = await session.scalar(_due(now).with_for_update(of=Poll, skip_locked=True))
    if found is None:
        return None
    found.token, found.lease_until = found.token + 1, now + LEASE
    if found.stage is None:
        _begin(found, now=now)
    return found


async def hold(session: AsyncSession, claimed: Poll, *, now: datetime) -> Poll | None:
    """Hold a claimed poll until the transaction ends, and renew its lease; None where it is somebody else's by now."""
    theirs = (Poll.source_id == claimed.source_id, Poll.token == claimed.token, ~_is_removed(Poll.source_id))
    found: Poll | None = await session.scalar(select(Poll).where(*theirs).with_for_update(of=Poll))
    if found is not None:
        found.lease_until = now + LEASE
    return found


async def forget_removed(session: AsyncSession) -> None:
    """Forget the API keys of removed sources, and what their customers were."""
    for table in (Poll, PolledCustomer):
        await session.execute(delete(table).where(_is_removed(table.source_id)))


async def is_any_removed(session: AsyncSession) -> bool:
    """Say whether there is something to forget."""
    return await session.scalar(select(Poll.source_id).where(_is_removed(Poll.source_id)).limit(1)) is not None


# --- reading on ----------------------------------------------------------------------------------------------------


def _begin(poll: Poll, *, now: datetime) -> None:
    """Begin with the customers, whose names and owners the movements' messages need, where it is time for them."""
    is_time = poll.customers_at is None or now - poll.customers_at >= CUSTOMERS_EVERY
    _start(poll, Stage.CUSTOMERS if is_time else Stage.ACTIVITIES, now=now)


def _start(poll: Poll, stage: Stage, *, now: datetime) -> None:
    poll.stage, poll.began_at, poll.cursor, poll.at_page_end = stage, now, None, {}
    if stage is Stage.ACTIVITIES and poll.read_until is not None:
        poll.reads_from = poll.read_until - (LOOK_BACK if _looks_back(poll, now) else OVERLAP)


def _looks_back(poll: Poll, now: datetime) -> bool:
    return poll.looked_back_at is None or now - poll.looked_back_at >= LOOK_BACK_EVERY


def _begin_anew(poll: Poll) -> None:
    """Drop what was being read, to be read again from its beginning."""
    poll.stage, poll.cursor, poll.at_page_end = None, None, {}


def read_on(poll: Poll, *, cursor: str | None, at_page_end: Mapping[str, Any], now: datetime) -> bool:
    """Note that a page is stored, and where the next one begins; say whether there is one now."""
    poll.failures, poll.trouble, poll.refused_at = 0, None, None
    poll.cursor, poll.at_page_end = cursor, dict(at_page_end)
    if cursor is not None:
        return True
    if poll.stage == Stage.CUSTOMERS:
        poll.customers_at = poll.began_at
        _start(poll, Stage.ACTIVITIES, now=now)
        return True
    _end(poll, now=now)
    return False


def _end(poll: Poll, *, now: datetime) -> None:
    began_at = poll.began_at or now
    if poll.read_until is None or _looks_back(poll, began_at):
        poll.looked_back_at = began_at
    poll.read_until = began_at
    _begin_anew(poll)
    put_off(poll, until=now + EVERY)


def put_off(poll: Poll, *, until: datetime) -> None:
    """Give the poll back; it goes on at this instant, whoever claims it then."""
    poll.next_poll_at, poll.lease_until = until, None


def fail(poll: Poll, *, trouble: str, until: datetime) -> None:
    """Note what stands in the way, and when it is tried again."""
    poll.failures, poll.trouble = poll.failures + 1, trouble
    put_off(poll, until=until)


def refuse(poll: Poll, *, trouble: str, until: datetime, now: datetime) -> bool:
    """Note that the API key is refused; say whether that is news."""
    is_news = poll.refused_at is None
    poll.refused_at = poll.refused_at or now
    fail(poll, trouble=trouble, until=until)
    return is_news


def restart(poll: Poll, *, trouble: str, until: datetime) -> None:
    """Read what is being read from its beginning: its cursor is not known any more."""
    _begin_anew(poll)
    fail(poll, trouble=trouble, until=until)


# --- what is known already -----------------------------------------------------------------------------------------


async def unknown(session: AsyncSession, events: Sequence[NewEvent]) -> list[NewEvent]:
    """Give those of a source's events that the inbox does not have: what is read again was not sent again."""
    if not events:
        return []
    keys = {event.key(): event for event in events}
    query = select(Event.dedupe_key).where(Event.source_id == events[0].source_id, among(Event.dedupe_key, keys))
    known = set(await session.scalars(query))
    return [event for key, event in keys.items() if key not in known]


async def is_any_waiting(session: AsyncSession, source_id: str) -> bool:
    """Say whether an event of a source is still to be applied."""
    query = select(Event.id).where(IS_WAITING, Event.source_id == source_id)
    return await session.scalar(query.limit(1)) is not None


async def customers(session: AsyncSession, source_id: str, uuids: Collection[str]) -> dict[str, PolledCustomer]:
    """Give what was said last of these customers, by uuid."""
    query = select(PolledCustomer).where(PolledCustomer.source_id == source_id, among(PolledCustomer.uuid, uuids))
    return {one.uuid: one for one in await session.scalars(query)}


async def remember(session: AsyncSession, poll: Poll, said: Said) -> None:
    """Note what is said of customers now, each change with its number."""
    rows = [
        {
            "source_id": poll.source_id,
            "uuid": uuid,
            "workspace_id": poll.workspace_id,
            "said": list(facts),
            "changes": 1,
        }
        for uuid, facts in said.items()
    ]
    if not rows:
        return
    statement = insert(session, PolledCustomer)
    told = {"said": statement.excluded.said, "changes": PolledCustomer.changes + 1}
    await session.execute(statement.on_conflict_do_update(index_elements=["source_id", "uuid"], set_=told), rows)
