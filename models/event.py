"""An event: one thing a source sent, as received, before it is judged. The events together are the inbox.

`received = applied + duplicate + refused + waiting` holds at all times; a duplicate is counted on the event it repeats.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, partial
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    Connection,
    Identity,
    Index,
    Select,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import IDS, UNSEEN, Base, Id, JsonValue, Number, among, json_bytes, sqlite_text, texts
from models.database import wake
from models.secret import fingerprint
from models.source import Source
from models.wakeup import Topic

_Key = tuple[str, str]
"""Of a source, and within it."""
_Rows = Mapping[_Key, "NewEvent"]
_Repeats = Mapping[_Key, int]
"""How often an event is repeated by others that came in with it."""

_COLUMNS = (
    *("workspace_id", "source_id", "kind", "dedupe_key", "occurred_at", "received_at", "facts", "state", "duplicates"),
    *("is_history", "record", "refused_field", "refused_because", "raw"),
)
"""The columns of an event that comes in, in the order of `NewEvent.values()`."""
_NOT_REFUSED = (None, None, None)
_MOST_IN_STATEMENT = 100
"""More rows at once are no faster, and the driver keeps the statements that it has prepared."""
_LAST_ID = 2**63 - 1
_SQLITE_KNOWN = (
    "SELECT source_id, dedupe_key FROM json_each(?) AS asked CROSS JOIN events"
    " ON source_id = asked.value ->> 0 AND dedupe_key = asked.value ->> 1"
)


class EventState(StrEnum):
    """Where an event stands."""

    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


class EventOutcome(StrEnum):
    """What became of an event that came in."""

    STORED = "stored"
    DUPLICATE = "duplicate"


class Event(Base):
    """One event. `facts` is what it says in our own words (`models.fact`); `raw` is kept only where it was refused."""

    __tablename__ = "events"
    __table_args__ = (
        Index("uq_events_source_id_dedupe_key", "source_id", "dedupe_key", unique=True),
        Index(
            "ix_events_waiting",
            "workspace_id",
            "id",
            sqlite_where=text("state = 'waiting' AND held_at IS NULL"),
            postgresql_where=text("state = 'waiting' AND held_at IS NULL"),
        ),
        Index(
            "ix_events_held",
            "source_id",
            "id",
            sqlite_where=text("held_at IS NOT NULL"),
            postgresql_where=text("held_at IS NOT NULL"),
        ),
        Index(
            "ix_events_refused",
            "source_id",
            "received_at",
            sqlite_where=text("state = 'refused'"),
            postgresql_where=text("state = 'refused'"),
        ),
        Index(None, "workspace_id", "received_at"),
    )

    id: Mapped[int] = mapped_column(Number, Identity(always=False), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(60))
    dedupe_key: Mapped[str] = mapped_column(String(255))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JsonValue)
    state: Mapped[str] = mapped_column(String(10), default=EventState.WAITING)
    duplicates: Mapped[int] = mapped_column(default=0)
    is_history: Mapped[bool] = mapped_column(default=False)
    """Imported: applied like any other, told to nobody."""
    record: Mapped[str | None] = mapped_column(String(255))
    """Which record of its call a refused event was, in the sender's words."""
    refused_field: Mapped[str | None] = mapped_column(String(255))
    refused_because: Mapped[str | None] = mapped_column(Text)
    raw: Mapped[dict[str, Any] | None] = mapped_column(JsonValue)
    applied_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    """When it was passed over because its source is paused; it is waiting until that is resumed."""

    @property
    def can_be_tried_again(self) -> bool:
        """Say whether it was understood, and refused only when it was applied."""
        return self.state == EventState.REFUSED and bool(self.facts)


IS_WAITING = and_(Event.state == literal_column(f"'{EventState.WAITING}'"), Event.held_at.is_(None))
"""Written out, since SQLite looks into the index of what waits only where it can see that it is asked for."""


def _having_some() -> Select[str]:
    """Ask which workspaces have waiting events.

    Each step leaps to the next workspace in the index: a backlog of a million of one workspace costs nobody anything.
    """
    first = select(func.min(Event.workspace_id).label("id")).where(IS_WAITING).cte("found", recursive=True)
    beyond = select(func.min(Event.workspace_id)).where(IS_WAITING, Event.workspace_id > first.c.id)
    found = first.union_all(select(beyond.scalar_subquery()).where(first.c.id.is_not(None)))
    return select(found.c.id).where(found.c.id.is_not(None))


def _in_turn() -> Select[int, str]:
    """Ask for the first waiting event of each workspace, then for the second of each, and so on.

    Of each workspace no more are looked at than are wanted in all.
    """
    wanted = texts(IDS).table_valued("value")
    theirs = (IS_WAITING, Event.workspace_id == wanted.c.value)
    last = select(Event.id).where(*theirs).order_by(Event.id).offset(_number("but_one")).limit(1).correlate(wanted)
    turn = func.row_number().over(partition_by=Event.workspace_id, order_by=Event.id).label("turn")
    turns = (
        select(Event.id, Event.workspace_id, turn)
        .join_from(wanted, Event, and_(*theirs, Event.id <= func.coalesce(last.scalar_subquery(), _LAST_ID)))
        .subquery()
    )
    return select(turns.c.id, turns.c.workspace_id).order_by(turns.c.turn, turns.c.id).limit(_number("most"))


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=Number)


# These statements are put together once: that takes longer than to run them.
HAVING_SOME, IN_TURN = _having_some(), _in_turn()
IS_REFUSED = Event.state == literal_column(f"'{EventState.REFUSED}'")
_HAS_RAW = and_(Event.raw.is_not(None), cast(Event.raw, Text) != "null")
REFUSED_KEPT = timedelta(days=7)
"""How long what was refused can be read."""
MOST_COUNTED = 20_000
_WAITING_AGAIN = {
    "state": EventState.WAITING,
    "refused_field": None,
    "refused_because": None,
    "applied_at": None,
}


@dataclass(frozen=True)
class Refusal:
    """Why an event can't be taken: the field, a sentence that the sender can act on, and which record it was."""

    field: str
    reason: str
    record: str | None = None

    def values(self) -> tuple[str | None, str, str]:
        """Give the columns' values: the record, the field and the reason."""
        return self.record[:255] if self.record else None, self.field[:255], self.reason


@dataclass(slots=True, kw_only=True)  # Frozen, it would take twice as long to make.
class NewEvent:
    """An event on its way into the inbox."""

    workspace_id: str
    source_id: str
    kind: str
    dedupe_key: str
    occurred_at: datetime
    received_at: datetime
    facts: Sequence[dict[str, Any]] = ()
    is_history: bool = False
    raw: dict[str, Any] | None = None
    refusal: Refusal | None = None

    def key(self) -> str:
        """Keep refused events apart: the same id sent again, corrected, is news and no repetition."""
        if self.refusal is not None:
            content = json_bytes([self.dedupe_key, self.refusal.reason, self.raw]).decode()
            return f"refused:{fingerprint(content)}"
        return self.dedupe_key if len(self.dedupe_key) <= 200 else f"long:{fingerprint(self.dedupe_key)}"  # noqa: PLR2004

    def values(
        self, key: str, duplicates: int, *, instant: Callable[[datetime], Any], json: Callable[[Any], Any]
    ) -> tuple[Any, ...]:
        """Give the columns' values, with instants and JSON as the engine takes them."""
        return (
            self.workspace_id,
            self.source_id,
            self.kind[:60],
            key,
            instant(self.occurred_at),
            instant(self.received_at),
            json(self.facts),
            (EventState.WAITING if self.refusal is None else EventState.REFUSED).value,
            duplicates,
            self.is_history,
            *(_NOT_REFUSED if self.refusal is None else self.refusal.values()),
            json(None if self.refusal is None else self.raw),
        )


async def store(session: AsyncSession, events: Sequence[NewEvent]) -> list[EventOutcome]:
    """Insert events in their order; one whose key is known only counts up its duplicates."""
    connection = await session.connection()
    wake(session, Topic.EVENTS)
    if connection.dialect.name == "sqlite":
        return await connection.run_sync(lambda sync: _store(events, partial(_add_to_sqlite, sync.exec_driver_sql)))
    return await connection.run_sync(lambda sync: _store(events, partial(_add_to_postgresql, sync)))


def store_at_once(connection: sqlite3.Connection, events: Sequence[NewEvent]) -> list[EventOutcome]:
    """Do the same in SQLite without an event loop, for `Database.write_at_once`."""
    return _store(events, partial(_add_to_sqlite, connection.execute))


def _store(events: Sequence[NewEvent], add: Callable[[_Rows, _Repeats], set[_Key]]) -> list[EventOutcome]:
    """Add rows; `add` says which keys were known. Events that repeat each other make one row.

    PostgreSQL would not have a statement meet a row twice.
    """
    keys = [(event.source_id, event.key()) for event in events]
    rows: dict[_Key, NewEvent] = {}
    for key, event in zip(keys, events, strict=True):
        rows.setdefault(key, event)
    repeats = Counter(keys) - Counter(rows.keys()) if len(rows) < len(keys) else {}
    known = add(rows, repeats) if rows else set()
    if not known and not repeats:
        return [EventOutcome.STORED] * len(keys)
    return _outcomes(keys, rows.keys() - known)


def _outcomes(keys: Sequence[_Key], new: set[_Key]) -> list[EventOutcome]:
    """Say what became of each event: the first of each new key is stored."""
    outcomes = []
    for key in keys:
        outcomes.append(EventOutcome.STORED if key in new else EventOutcome.DUPLICATE)
        new.discard(key)
    return outcomes


def _add_to_postgresql(connection: Connection, rows: _Rows, repeats: _Repeats) -> set[_Key]:
    returned = _statement(postgresql.insert(Event)).returning(Event.source_id, Event.dedupe_key, Event.duplicates)
    values = [
        event.values(key[1], repeats.get(key, 0), instant=_as_it_is, json=_as_it_is) for key, event in rows.items()
    ]
    stored = connection.execute(returned, [dict(zip(_COLUMNS, row, strict=True)) for row in values])
    return {(source, key) for source, key, duplicates in stored if duplicates > repeats.get((source, key), 0)}


def _as_it_is(value: Any) -> Any:
    return value


def _add_to_sqlite(execute: Callable[[str, Any], Any], rows: _Rows, repeats: _Repeats) -> set[_Key]:
    """Hand the driver what it stores: SQLAlchemy takes longer to convert a row than SQLite takes to write it.

    What is known is asked beforehand, which nobody can change meanwhile. Rows that come back from the INSERT would each
    cost a change of threads while the event loop is busy.
    """
    known = set(execute(_SQLITE_KNOWN, (_sqlite_json([*rows]),)).fetchall())
    values = [
        event.values(key[1], repeats.get(key, 0), instant=sqlite_text, json=_sqlite_json) for key, event in rows.items()
    ]
    for start in range(0, len(values), _MOST_IN_STATEMENT):
        part = values[start : start + _MOST_IN_STATEMENT]
        execute(_sqlite_text(len(part)), tuple(chain.from_iterable(part)))
    return known


def _sqlite_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _statement(insert: Any) -> Any:
    """Insert rows whose keys are new, and count the others as duplicates."""
    duplicates = Event.duplicates + insert.excluded.duplicates + literal_column("1")
    return insert.on_conflict_do_update(index_elements=["source_id", "dedupe_key"], set_={"duplicates": duplicates})


@cache
def _sqlite_text(rows: int) -> str:
    """Write the statement for so many rows."""
    one = str(_statement(sqlite.insert(Event)).compile(dialect=sqlite.dialect(), column_keys=_COLUMNS))
    values = f"({', '.join('?' * len(_COLUMNS))})"
    return one.replace(values, ", ".join([values] * rows))


async def apply_again(session: AsyncSession, events: Sequence[NewEvent]) -> None:
    """Let known events wait once more: a file that repeats what an older one said, says that it is so again.

    What they said comes with them, since it may have been kept no longer.
    """
    if not events:
        return
    known = (
        Event.source_id == events[0].source_id,
        Event.dedupe_key == bindparam("key"),
        Event.state != EventState.WAITING,
    )
    # What has no time of its own is said at this instant now.
    occurred_at = case((Event.occurred_at < Event.received_at, Event.occurred_at), else_=bindparam("at"))
    said = {"facts": bindparam("said"), "occurred_at": occurred_at, "received_at": bindparam("at")}
    again = update(Event).where(*known).values(**_WAITING_AGAIN, **said)
    rows = [{"key": one.key(), "said": list(one.facts), "at": one.received_at} for one in events]
    await (await session.connection()).execute(again, rows)


async def get(session: AsyncSession, workspace_id: str, event_id: int) -> Event | None:
    """Find an event of this workspace."""
    found = await session.get(Event, event_id)
    return found if found is not None and found.workspace_id == workspace_id else None


async def many(session: AsyncSession, ids: Collection[int]) -> dict[tuple[str, int], Event]:
    """Give events by the workspace and the event's id."""
    query = select(Event).where(Event.id.in_(ids))
    return {(found.workspace_id, found.id): found for found in await session.scalars(query)}


async def workspaces_waiting(session: AsyncSession) -> list[str]:
    """List the workspaces that have waiting events, however many events these are."""
    return list(await session.scalars(HAVING_SOME))


async def claim_waiting(session: AsyncSession, workspace_ids: Collection[str], *, limit: int) -> list[Event]:
    """Take the oldest waiting events of workspaces, one of each in turn, for this transaction; give them by their ids.

    One that is just being sent again is not waited for, or we and the inbox could wait for each other. Those behind it
    in its workspace are left too, since events are applied in their order.
    """
    rows = await session.execute(IN_TURN, {"ids": workspace_ids, "most": limit, "but_one": limit - 1})
    due = {row.id: row.workspace_id for row in rows}
    query = select(Event).where(Event.id.in_(due), IS_WAITING).with_for_update(skip_locked=True)
    held = {event.id: event for event in await session.scalars(query)}
    claimed, left = [], set()
    for event_id, workspace_id in sorted(due.items()):
        if event_id not in held:
            left.add(workspace_id)
        elif workspace_id not in left:
            claimed.append(held[event_id])
    return claimed


async def hold(session: AsyncSession, event_ids: Collection[int], *, now: datetime) -> None:
    """Pass these events over until their source is resumed."""
    if event_ids:
        await _mark(session, event_ids, {"held_at": now})


async def release(session: AsyncSession, source_id: str, *, limit: int) -> int:
    """Let a source's oldest held events be applied, so many at a time; say how many there were."""
    oldest = select(Event.id).where(Event.source_id == source_id, Event.held_at.is_not(None)).order_by(Event.id)
    released = update(Event).where(Event.id.in_(oldest.limit(limit).scalar_subquery())).values(held_at=None)
    wake(session, Topic.EVENTS)
    return len(list(await session.scalars(released.returning(Event.id), execution_options=UNSEEN)))


async def mark_applied(session: AsyncSession, event_ids: Collection[int], *, now: datetime) -> None:
    """Note that the events' facts are in."""
    await _mark(session, event_ids, {"state": EventState.APPLIED, "applied_at": now})


async def mark_refused(session: AsyncSession, event_id: int, refusal: Refusal, *, now: datetime) -> None:
    """Note that the event could not be applied, and why. Its facts stay, so that nothing is lost."""
    values = {
        "state": EventState.REFUSED,
        "refused_field": refusal.field,
        "refused_because": refusal.reason,
        "applied_at": now,
    }
    await _mark(session, [event_id], values)


async def _mark(session: AsyncSession, event_ids: Collection[int], values: dict[str, Any]) -> None:
    """Write without looking through the session for rows to change there: a batch would do that for each event."""
    statement = update(Event).where(Event.id.in_(event_ids)).values(values)
    await session.execute(statement, execution_options=UNSEEN)


async def of_workspace(
    session: AsyncSession, workspace_id: str, *, state: EventState | None = None, limit: int = 100
) -> list[Event]:
    """List a workspace's newest events, newest first."""
    query = select(Event).where(Event.workspace_id == workspace_id)
    if state is not None:
        query = query.where(Event.state == state)
    return list(await session.scalars(query.order_by(Event.id.desc()).limit(limit)))


async def refused_of_source(session: AsyncSession, source_id: str, *, since: datetime, limit: int = 10) -> list[Event]:
    """List a source's newest refused events since an instant."""
    query = select(Event).where(Event.source_id == source_id, IS_REFUSED, Event.received_at > since)
    return list(await session.scalars(query.order_by(Event.received_at.desc(), Event.id.desc()).limit(limit)))


async def empty_old(session: AsyncSession, workspace_id: str, *, since: datetime, until: datetime, limit: int) -> int:
    """Empty some of a workspace's events that came in a time, of what they said; say how many there were.

    They stay as they are counted, and so known. One that waits keeps what is still to be applied.
    """
    old = (Event.workspace_id == workspace_id, Event.received_at >= since, Event.received_at < until)
    full = or_(Event.facts != [], _HAS_RAW)
    ids = select(Event.id).where(*old, Event.state != EventState.WAITING, full).limit(limit).scalar_subquery()
    return await _empty(session, Event.id.in_(ids), {"facts": [], "raw": None})


async def empty_refused(session: AsyncSession, *, until: datetime, limit: int) -> int:
    """Take from some events what was sent, where they were refused before an instant; say how many there were."""
    ids = select(Event.id).where(IS_REFUSED, Event.received_at < until, _HAS_RAW).limit(limit).scalar_subquery()
    return await _empty(session, Event.id.in_(ids), {"raw": None})


async def _empty(session: AsyncSession, which: Any, values: dict[str, Any]) -> int:
    emptied = update(Event).where(which).values(values).returning(Event.id)
    return len(list(await session.scalars(emptied, execution_options=UNSEEN)))


async def oldest_waiting(session: AsyncSession, workspace_id: str) -> datetime | None:
    """Say when the oldest event came that is not applied, held or not."""
    theirs = Event.workspace_id == workspace_id
    times = [
        await session.scalar(select(func.min(Event.received_at)).where(theirs, which))
        for which in (IS_WAITING, Event.held_at.is_not(None))
    ]
    return min((at for at in times if at is not None), default=None)


async def awaits_history(session: AsyncSession, workspace_id: str) -> bool:
    """Say whether history came that is not applied yet, so that every sum still grows."""
    first = select(Event.id).where(Event.workspace_id == workspace_id, IS_WAITING, Event.is_history).limit(1)
    return await session.scalar(first) is not None


async def try_again(session: AsyncSession, workspace_id: str, event_id: int) -> Event | None:
    """Let an event wait once more that was understood and could not be applied; None where it is no such event."""
    found = await get(session, workspace_id, event_id)
    if found is None or not found.can_be_tried_again:
        return None
    refused = (Event.id == event_id, IS_REFUSED)
    await session.execute(update(Event).where(*refused).values(_WAITING_AGAIN), execution_options=UNSEEN)
    wake(session, Topic.EVENTS)
    return found


async def count_by_state(session: AsyncSession, workspace_id: str) -> dict[str, int]:
    """Count a workspace's events: received, applied, refused, waiting, duplicate."""
    query = (
        select(Event.state, func.count(), func.coalesce(func.sum(Event.duplicates), 0))
        .where(Event.workspace_id == workspace_id)
        .group_by(Event.state)
    )
    counts = dict.fromkeys(["received", *EventState, "duplicate"], 0)
    for state, number, duplicates in await session.execute(query):
        counts[state] = number
        counts["duplicate"] += int(duplicates)
        counts["received"] += number + int(duplicates)
    return counts


async def count_refused(session: AsyncSession, source_ids: Collection[str], *, since: datetime) -> dict[str, int]:
    """Count the events of each source that were refused since an instant."""
    query = select(Event.source_id, func.count()).where(
        among(Event.source_id, source_ids), IS_REFUSED, Event.received_at > since
    )
    return dict((await session.execute(query.group_by(Event.source_id))).all())


async def count_held(session: AsyncSession, source_ids: Collection[str]) -> dict[str, int]:
    """Count the events of each source that are held, since it is paused."""
    query = select(Event.source_id, func.count()).where(among(Event.source_id, source_ids), Event.held_at.is_not(None))
    return dict((await session.execute(query.group_by(Event.source_id))).all())


async def count_since(session: AsyncSession, source: Source, *, since: datetime) -> tuple[int, bool]:
    """Count what a source sent since an instant, and say whether that is all.

    Of what a workspace got only the newest is looked through, so that this takes no longer however much came.
    """
    theirs = (Event.workspace_id == source.workspace_id, Event.received_at >= since)
    newest = select(Event.source_id).where(*theirs).order_by(Event.received_at.desc()).limit(MOST_COUNTED).subquery()
    query = select(func.count(), func.count().filter(newest.c.source_id == source.id)).select_from(newest)
    looked_at, found = (await session.execute(query)).one()
    return found, looked_at < MOST_COUNTED


def as_json(event: Event) -> dict[str, Any]:
    """Give the event as `runrate events list --json` prints it, without its content."""
    return {
        "id": event.id,
        "source_id": event.source_id,
        "kind": event.kind,
        "state": event.state,
        "record": event.record,
        "field": event.refused_field,
        "reason": event.refused_because,
        "duplicates": event.duplicates,
        "is_history": event.is_history,
        "occurred_at": event.occurred_at.isoformat(),
        "received_at": event.received_at.isoformat(),
        "applied_at": event.applied_at.isoformat() if event.applied_at else None,
    }
