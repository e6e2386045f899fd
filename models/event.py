"""An event: one thing a source sent, as received, before it is judged. The events together are the inbox.

`received = applied + duplicate + refused + waiting` holds at all times; a duplicate is counted on the event it repeats.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any

from sqlalchemy import Identity, Index, String, Text, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, JsonValue, Number, insert, json_bytes
from models.database import wake
from models.secret import fingerprint
from models.wakeup import Topic


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
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
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


IS_WAITING = Event.state == literal_column(f"'{EventState.WAITING}'")
"""Written out, since SQLite looks into the index of what waits only where it can see that it is asked for."""


@dataclass(frozen=True)
class Refusal:
    """Why an event can't be taken: the field, a sentence that the sender can act on, and which record it was."""

    field: str
    reason: str
    record: str | None = None


@dataclass(frozen=True, kw_only=True)
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

    def row(self) -> dict[str, Any]:
        """Give the event's columns."""
        return {
            "workspace_id": self.workspace_id,
            "source_id": self.source_id,
            "kind": self.kind[:60],
            "dedupe_key": self._key(),
            "occurred_at": self.occurred_at,
            "received_at": self.received_at,
            "facts": list(self.facts),
            "state": EventState.REFUSED if self.refusal else EventState.WAITING,
            "duplicates": 0,
            "is_history": self.is_history,
            "record": self.refusal.record[:255] if self.refusal and self.refusal.record else None,
            "refused_field": self.refusal.field[:255] if self.refusal else None,
            "refused_because": self.refusal.reason if self.refusal else None,
            "raw": self.raw if self.refusal else None,
        }

    def _key(self) -> str:
        """Keep refused events apart: the same id sent again, corrected, is news and no repetition."""
        if self.refusal is not None:
            content = json_bytes([self.dedupe_key, self.refusal.reason, self.raw]).decode()
            return f"refused:{fingerprint(content)}"
        return self.dedupe_key if len(self.dedupe_key) <= 200 else f"long:{fingerprint(self.dedupe_key)}"  # noqa: PLR2004


async def store(session: AsyncSession, events: Sequence[NewEvent]) -> list[EventOutcome]:
    """Insert events in their order; one whose key is known only counts up its duplicates."""
    outcomes = [await _store_one(session, event) for event in events]
    wake(session, Topic.EVENTS)
    return outcomes


async def _store_one(session: AsyncSession, event: NewEvent) -> EventOutcome:
    statement: Any = (
        insert(session, Event)
        .values(event.row())
        .on_conflict_do_update(
            index_elements=["source_id", "dedupe_key"], set_={"duplicates": Event.__table__.c.duplicates + 1}
        )
        .returning(literal_column("duplicates"))
    )
    return EventOutcome.DUPLICATE if await session.scalar(statement) else EventOutcome.STORED


async def apply_again(session: AsyncSession, events: Sequence[NewEvent]) -> None:
    """Let known events wait once more: a file that repeats what an older one said, says that it is so again."""
    if not events:
        return
    keys = [event.row()["dedupe_key"] for event in events]
    values = {"state": EventState.WAITING, "refused_field": None, "refused_because": None, "applied_at": None}
    known = (Event.source_id == events[0].source_id, Event.dedupe_key.in_(keys), Event.state != EventState.WAITING)
    await session.execute(update(Event).where(*known).values(values), execution_options={"synchronize_session": False})


async def get(session: AsyncSession, workspace_id: str, event_id: int) -> Event | None:
    """Find an event of this workspace."""
    found = await session.get(Event, event_id)
    return found if found is not None and found.workspace_id == workspace_id else None


async def many(session: AsyncSession, ids: Collection[int]) -> dict[tuple[str, int], Event]:
    """Give events by the workspace and the event's id."""
    query = select(Event).where(Event.id.in_(ids))
    return {(found.workspace_id, found.id): found for found in await session.scalars(query)}


async def workspaces_waiting(session: AsyncSession) -> list[str]:
    """List the workspaces that have waiting events, however many events these are.

    Each step leaps to the next workspace in the index: a backlog of a million of one workspace costs nobody anything.
    """
    first = select(func.min(Event.workspace_id).label("id")).where(IS_WAITING).cte("found", recursive=True)
    beyond = select(func.min(Event.workspace_id)).where(IS_WAITING, Event.workspace_id > first.c.id)
    found = first.union_all(select(beyond.scalar_subquery()).where(first.c.id.is_not(None)))
    return list(await session.scalars(select(found.c.id).where(found.c.id.is_not(None))))


async def claim_waiting(session: AsyncSession, workspace_id: str, *, limit: int) -> list[Event]:
    """Take a workspace's oldest waiting events for this transaction.

    One that is just being sent again is not waited for, or we and the inbox could wait for each other. Those behind it
    are left too, since events are applied in their order.
    """
    oldest = (IS_WAITING, Event.workspace_id == workspace_id)
    query = select(Event).where(*oldest).order_by(Event.id).limit(limit).with_for_update(skip_locked=True)
    held = list(await session.scalars(query))
    ids = await session.scalars(select(Event.id).where(*oldest).order_by(Event.id).limit(limit))
    return [event for event, _ in takewhile(lambda pair: pair[0].id == pair[1], zip(held, ids, strict=False))]


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
    await session.execute(statement, execution_options={"synchronize_session": False})


async def of_workspace(
    session: AsyncSession, workspace_id: str, *, state: EventState | None = None, limit: int = 100
) -> list[Event]:
    """List a workspace's newest events, newest first."""
    query = select(Event).where(Event.workspace_id == workspace_id)
    if state is not None:
        query = query.where(Event.state == state)
    return list(await session.scalars(query.order_by(Event.id.desc()).limit(limit)))


async def refused_of_source(session: AsyncSession, source_id: str, *, limit: int = 10) -> list[Event]:
    """List a source's newest refused events."""
    query = select(Event).where(Event.source_id == source_id, Event.state == EventState.REFUSED)
    return list(await session.scalars(query.order_by(Event.id.desc()).limit(limit)))


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


async def count_refused(session: AsyncSession, workspace_id: str) -> dict[str, int]:
    """Count the refused events of each source."""
    query = select(Event.source_id, func.count()).where(
        Event.workspace_id == workspace_id, Event.state == EventState.REFUSED
    )
    return dict((await session.execute(query.group_by(Event.source_id))).all())


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
