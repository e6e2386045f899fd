"""A poll: how far we have read what a source's own system lists at its API, with what opens that, encrypted.

What is listed there, and how often it is read, is the course of its kind of source. Whoever polls claims the row by a
lease with a fencing token, so that any number of workers poll once. Progress is written in the transaction that stores
what was read: after a crash, reading goes on where it stopped.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Text, and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import Base, Id, JsonValue, Number, UserError, among, insert
from models.database import wake
from models.event import IS_WAITING, Event, NewEvent
from models.secret import Keyring, fingerprint
from models.source import Source
from models.wakeup import Topic

LEASE = timedelta(minutes=2)
"""Outlasts the time limit of a request by far; every page that is stored renews it."""

LOOK_BACK_EVERY = timedelta(days=1)

LONGEST_KEY = 200


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Something that a system lists. With no overlap it is read whole each time."""

    name: str
    every: timedelta = timedelta()
    """How often it is read; with every round unless it says more."""
    overlap: timedelta | None = None
    """From how long before the reading before it is read again, since some of it is imported late."""
    look_back: timedelta | None = None
    """The same once a day. What is found there alone was imported so late that it is history."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one round of polling reads, in this order, and how often there is one."""

    every: timedelta
    listings: Sequence[Listing]


class ApiKeyError(UserError):
    """That can't be an API key. Copy it once more from where it was made."""


class Poll(Base):
    """What opens the API of a source's system, and how far that was read."""

    __tablename__ = "polls"

    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(20))
    """The source's."""
    credentials_sealed: Mapped[str] = mapped_column(Text)
    """An API key, or JSON where it takes more than that."""
    entered_by: Mapped[str] = mapped_column(Id)
    """Who entered them, and hears when they are refused; where they are gone, managers do."""
    news_since: Mapped[datetime]
    """When the first ones were entered: what happened before is history."""
    listing: Mapped[str | None] = mapped_column(String(20))
    """The name of what is being read; None between two rounds."""
    round_began_at: Mapped[datetime | None]
    began_at: Mapped[datetime | None]
    """When the reading of this listing began."""
    reads_from: Mapped[datetime | None]
    """From when on it is being read; None where all of it is."""
    history_before: Mapped[datetime | None]
    """What is new to us there, and happened before this, happened too long ago to be news."""
    cursor: Mapped[str | None] = mapped_column(Text)
    """Where the next page begins."""
    at_page_end: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)
    """What of the last page is needed to read the next one, as the kind of source has it."""
    read: Mapped[dict[str, str]] = mapped_column(JsonValue, default=dict)
    """By the name of a listing, when its last reading to the end began."""
    read_until: Mapped[datetime | None]
    """When the last round that came to its end began."""
    looked_back_at: Mapped[datetime | None]
    owes_history: Mapped[bool] = mapped_column(default=False)
    """History came in, of which nobody was told yet what it comes to."""
    failures: Mapped[int] = mapped_column(default=0)
    """How many requests in succession failed."""
    trouble: Mapped[str | None] = mapped_column(Text)
    """What stands in the way, in words."""
    refused_at: Mapped[datetime | None]
    """Since when the credentials are refused."""
    next_poll_at: Mapped[datetime] = mapped_column(index=True)
    lease_until: Mapped[datetime | None]
    token: Mapped[int] = mapped_column(Number, default=0)

    def has_read(self, listing: str) -> bool:
        """Say whether a listing was read to its end once."""
        return listing in self.read

    @property
    def is_first_reading(self) -> bool:
        """Say whether what is being read was never read to its end before."""
        return self.listing is None or not self.has_read(self.listing)


class PolledRecord(Base):
    """What a source's API said last of one of its customers or companies, so that only changes become events."""

    __tablename__ = "polled_records"

    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The other system's own id of it."""
    workspace_id: Mapped[str] = mapped_column(Id)
    said: Mapped[list[dict[str, Any]]] = mapped_column(JsonValue)
    changes: Mapped[int]


Said = Mapping[str, Sequence[dict[str, Any]]]
"""What is said of records, by the other system's id: facts, as the inbox keeps them."""


@dataclass(frozen=True)
class Activities:
    """What a page of ChartMogul's activities comes to: events, each with its customer's uuid, and what ended the page.

    That is by the key of an activity of the last instant: the instant, and the uuids of those that say the same.
    """

    events: Sequence[tuple[NewEvent, str | None]]
    at_page_end: Mapping[str, Any]


def read_key(written: str) -> str:
    """Check an API key as far as that can be done here."""
    key = written.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or ":" in key or len(key) > LONGEST_KEY:
        raise ApiKeyError
    return key


async def connect(
    session: AsyncSession,
    source: Source,
    *,
    credentials: str,
    keyring: Keyring,
    by: str,
    now: datetime,
    is_anew: bool = False,
) -> None:
    """Poll with these credentials from now on. Others than before go on where those stopped, or read all of it anew."""
    found = await session.get(Poll, source.id, with_for_update=True)
    if found is None:
        own = {"source_id": source.id, "workspace_id": source.workspace_id, "kind": source.kind}
        found = Poll(**own, news_since=now, at_page_end={}, read={}, token=0)
        session.add(found)
    found.credentials_sealed, found.entered_by = keyring.seal(credentials), by
    found.failures, found.trouble, found.refused_at = 0, None, None
    _begin_anew(found)
    found.read = {} if is_anew else found.read
    found.next_poll_at, found.lease_until, found.token = now, None, found.token + 1
    _record(session, source, "source.api_key_entered", by=by, now=now)
    wake(session, Topic.SOURCES)


async def disconnect(session: AsyncSession, source: Source, *, by: str, now: datetime) -> None:
    """Forget the credentials. What was read stays."""
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
    """Name the time in which a poll's credentials are refused, for the one notice of it."""
    return f"{poll.source_id}#{poll.token}"


def source_of(streak: str) -> str:
    """Give the source's id from that name."""
    return streak.partition("#")[0]


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt all credentials anew with the newest secret key; say how many there were."""
    polls = list(await session.scalars(select(Poll)))
    for one in polls:
        one.credentials_sealed = keyring.rotate(one.credentials_sealed)
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
    return found


async def hold(session: AsyncSession, claimed: Poll, *, now: datetime) -> Poll | None:
    """Hold a claimed poll until the transaction ends, and renew its lease; None where it is somebody else's by now."""
    theirs = (Poll.source_id == claimed.source_id, Poll.token == claimed.token, ~_is_removed(Poll.source_id))
    found: Poll | None = await session.scalar(select(Poll).where(*theirs).with_for_update(of=Poll))
    if found is not None:
        found.lease_until = now + LEASE
    return found


async def forget_removed(session: AsyncSession) -> None:
    """Forget the credentials of removed sources, and what their records were."""
    for table in (Poll, PolledRecord):
        await session.execute(delete(table).where(_is_removed(table.source_id)))


async def is_any_removed(session: AsyncSession) -> bool:
    """Say whether there is something to forget."""
    return await session.scalar(select(Poll.source_id).where(_is_removed(Poll.source_id)).limit(1)) is not None


# --- reading on ----------------------------------------------------------------------------------------------------


def begin(poll: Poll, course: Course, *, now: datetime) -> None:
    """Begin a round, unless one is under way."""
    if poll.listing is None:
        poll.round_began_at = now
        _start_next(poll, course.listings, now=now)


def _start_next(poll: Poll, listings: Sequence[Listing], *, now: datetime) -> bool:
    """Begin to read the first of these that it is time for; say whether there is one."""
    due = next((one for one in listings if _is_time(poll, one, now)), None)
    if due is not None:
        _start(poll, due, now=now)
    return due is not None


def _is_time(poll: Poll, listing: Listing, now: datetime) -> bool:
    before = _read_before(poll, listing)
    return before is None or now - before >= listing.every


def _read_before(poll: Poll, listing: Listing) -> datetime | None:
    return datetime.fromisoformat(poll.read[listing.name]) if poll.has_read(listing.name) else None


def _start(poll: Poll, listing: Listing, *, now: datetime) -> None:
    before = _read_before(poll, listing)
    poll.listing, poll.began_at, poll.cursor, poll.at_page_end = listing.name, now, None, {}
    poll.reads_from, poll.history_before = None, poll.news_since
    if before is not None and listing.overlap is not None:
        far = listing.look_back if _looks_back(poll, now) else None
        poll.reads_from = before - (far or listing.overlap)
        poll.history_before = max(poll.news_since, before - listing.overlap)


def _looks_back(poll: Poll, now: datetime) -> bool:
    return poll.looked_back_at is None or now - poll.looked_back_at >= LOOK_BACK_EVERY


def _begin_anew(poll: Poll) -> None:
    """Drop what was being read, to be read again from its beginning."""
    poll.listing, poll.cursor, poll.at_page_end = None, None, {}


def read_on(poll: Poll, course: Course, *, cursor: str | None, at_page_end: Mapping[str, Any], now: datetime) -> bool:
    """Note that a page is stored, and where the next one begins; say whether there is one now."""
    poll.failures, poll.trouble, poll.refused_at = 0, None, None
    poll.cursor, poll.at_page_end = cursor, dict(at_page_end)
    if cursor is not None:
        return True
    done = next(index for index, one in enumerate(course.listings) if one.name == poll.listing)
    _note_read(poll, course.listings[done], now=now)
    if _start_next(poll, course.listings[done + 1 :], now=now):
        return True
    _end(poll, course, now=now)
    return False


def _note_read(poll: Poll, listing: Listing, *, now: datetime) -> None:
    began_at = poll.began_at or now
    if listing.look_back is not None and (poll.is_first_reading or _looks_back(poll, began_at)):
        poll.looked_back_at = began_at
    poll.read = {**poll.read, listing.name: began_at.isoformat()}


def _end(poll: Poll, course: Course, *, now: datetime) -> None:
    poll.read_until = poll.round_began_at
    _begin_anew(poll)
    put_off(poll, until=now + course.every)


def put_off(poll: Poll, *, until: datetime) -> None:
    """Give the poll back; it goes on at this instant, whoever claims it then."""
    poll.next_poll_at, poll.lease_until = until, None


def fail(poll: Poll, *, trouble: str, until: datetime) -> None:
    """Note what stands in the way, and when it is tried again."""
    poll.failures, poll.trouble = poll.failures + 1, trouble
    put_off(poll, until=until)


def refuse(poll: Poll, *, trouble: str, until: datetime, now: datetime) -> bool:
    """Note that the credentials are refused; say whether that is news."""
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


async def records(session: AsyncSession, source_id: str, external_ids: Collection[str]) -> dict[str, PolledRecord]:
    """Give what was said last of these records, by the other system's id."""
    query = select(PolledRecord).where(
        PolledRecord.source_id == source_id, among(PolledRecord.external_id, external_ids)
    )
    return {one.external_id: one for one in await session.scalars(query)}


async def remember(session: AsyncSession, poll: Poll, said: Said) -> None:
    """Note what is said of records now, each change with its number."""
    rows = [
        {
            "source_id": poll.source_id,
            "external_id": external_id,
            "workspace_id": poll.workspace_id,
            "said": list(facts),
            "changes": 1,
        }
        for external_id, facts in said.items()
    ]
    if not rows:
        return
    statement = insert(session, PolledRecord)
    told = {"said": statement.excluded.said, "changes": PolledRecord.changes + 1}
    await session.execute(statement.on_conflict_do_update(index_elements=["source_id", "external_id"], set_=told), rows)


def blank(record: PolledRecord, is_theirs: Callable[[str], bool]) -> None:
    """Keep of what is somebody's own only a hash, by which it is known when it is listed again."""
    record.said = [_blanked(fact, is_theirs) for fact in record.said]


def _blanked(value: Any, is_theirs: Callable[[str], bool]) -> Any:
    if isinstance(value, dict):
        return {name: _blanked(child, is_theirs) for name, child in value.items()}
    return _mark(value) if isinstance(value, str) and is_theirs(value) else value


def recalled(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what was said before, with what is kept as a hash put back where it is listed as it was."""
    return [_recalled(then, fact) for then, fact in zip_longest(before, now[: len(before)])]


def _recalled(then: Any, value: Any) -> Any:
    if isinstance(then, dict) and isinstance(value, dict):
        return {name: _recalled(child, value.get(name)) for name, child in then.items()}
    return value if isinstance(value, str) and then == _mark(value) else then


def _mark(value: str) -> str:
    return f"erased:{fingerprint(value)}"
