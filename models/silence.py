"""A silence: a time in which a source sent nothing, and whether that was longer than its habit.

Its habit is the longest pause that it made by itself in the fourteen days before, which nobody was told of. A source
that was heard of for less than a week, or pauses for more than five days at a time, has no habit.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert, new_id
from models.delivery import RUNRATE, Delivery, DeliveryState, FactKind
from models.source import POLLED, Source

LEAST = timedelta(hours=24)
"""Nobody is told of a shorter silence."""

TIMES = 3
"""How many times as long as the longest pause of late a silence is when people are told."""

NOTED = LEAST / TIMES
"""A shorter pause makes no difference."""

OF_LATE = timedelta(days=14)
KNOWN_FOR = timedelta(days=7)
LONGEST_PAUSE = timedelta(days=5)


class Silence(Base):
    """One silence, from a source's last event until its next one. `told_at` says when managers were told of it."""

    __tablename__ = "silences"
    __table_args__ = (
        Index("uq_silences_began", "source_id", "began_at", unique=True),
        Index(
            "ix_silences_open",
            "source_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    began_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


async def falling(session: AsyncSession, *, now: datetime) -> list[Source]:
    """List the sources that have sent nothing for a while, which is not noted yet."""
    noted = exists().where(Silence.source_id == Source.id, Silence.began_at == Source.last_event_at)
    # A CRM in which nothing changes is no broken one; whether it can be asked is known from the poll.
    sends = Source.kind.not_in(POLLED)
    query = select(Source).where(Source.last_event_at <= now - NOTED, Source.removed_at.is_(None), sends, ~noted)
    return list(await session.scalars(query.order_by(Source.id)))


async def begin(session: AsyncSession, source: Source, *, now: datetime) -> None:
    """Note that a source sends nothing since its last event."""
    row = {
        "id": new_id("sil", now),
        "workspace_id": source.workspace_id,
        "source_id": source.id,
        "began_at": source.last_event_at,
    }
    await session.execute(insert(session, Silence).values(row).on_conflict_do_nothing())


async def going_on(session: AsyncSession) -> list[tuple[Silence, Source]]:
    """List the silences that have not ended, each with its source, which may have been heard or removed since."""
    query = select(Silence, Source).join(Source, Source.id == Silence.source_id).where(Silence.ended_at.is_(None))
    return [(row[0], row[1]) for row in await session.execute(query.order_by(Silence.id))]


async def is_too_long(session: AsyncSession, silence: Silence, source: Source, *, now: datetime) -> bool:
    """Say whether a source is silent for longer than its habit."""
    since, heard_from = silence.began_at, source.first_event_at
    if source.paused_at is not None or heard_from is None or since - heard_from < KNOWN_FOR:
        return False
    longest = await _longest_pause(session, silence)
    return longest <= LONGEST_PAUSE and now - since > max(LEAST, TIMES * longest)


async def _longest_pause(session: AsyncSession, silence: Silence) -> timedelta:
    """Give the longest pause of late; one that was told was a fault, and is no habit."""
    query = select(Silence.began_at, Silence.ended_at).where(
        Silence.source_id == silence.source_id,
        Silence.told_at.is_(None),
        Silence.ended_at > silence.began_at - OF_LATE,
        Silence.ended_at <= silence.began_at,
    )
    return max((ended - began for began, ended in await session.execute(query) if ended), default=timedelta())


async def tell(session: AsyncSession, silence: Silence, *, now: datetime) -> bool:
    """Note that people are told of a silence; False where another did, or where it is over by now."""
    source = select(Source.id).where(Source.id == silence.source_id, Source.last_event_at <= silence.began_at)
    if await session.scalar(source.with_for_update(key_share=True)) is None:
        return False
    untold = (Silence.id == silence.id, Silence.told_at.is_(None), Silence.ended_at.is_(None))
    return await session.scalar(update(Silence).where(*untold).values(told_at=now).returning(Silence.id)) is not None


async def end(session: AsyncSession, silence: Silence, *, at: datetime) -> bool:
    """Note that a silence is over; False where another did."""
    statement = update(Silence).where(Silence.id == silence.id, Silence.ended_at.is_(None)).values(ended_at=at)
    return await session.scalar(statement.returning(Silence.id)) is not None


async def recipients(session: AsyncSession, silence: Silence) -> list[str]:
    """List the user ids of all who were told of a silence, or are about to be."""
    return list(await session.scalars(select(Delivery.target).where(*_notices(silence)).order_by(Delivery.id)))


async def was_told(session: AsyncSession, silence: Silence, user_id: str) -> bool:
    """Say whether somebody was told of a silence, in a message that was delivered."""
    delivered = (Delivery.target == user_id, Delivery.state == DeliveryState.DELIVERED)
    return await session.scalar(select(Delivery.id).where(*_notices(silence), *delivered)) is not None


def _notices(silence: Silence) -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.workspace_id == silence.workspace_id,
        Delivery.asked_by == RUNRATE,
        Delivery.fact_kind == FactKind.SILENCE,
        Delivery.fact_id == silence.id,
    )


async def get(session: AsyncSession, workspace_id: str, silence_id: str) -> tuple[Silence, Source] | None:
    """Find a silence of this workspace, with its source."""
    query = select(Silence, Source).join(Source, Source.id == Silence.source_id)
    row = (
        await session.execute(query.where(Silence.workspace_id == workspace_id, Silence.id == silence_id))
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def told(session: AsyncSession, workspace_id: str) -> list[tuple[Source, datetime]]:
    """List the sources that are silent, as managers were told, each with the instant since when."""
    query = select(Source, Silence.began_at).join(Silence, Silence.source_id == Source.id)
    told = (Silence.workspace_id == workspace_id, Silence.told_at.is_not(None), Silence.ended_at.is_(None))
    return [(row[0], row[1]) for row in await session.execute(query.where(*told).order_by(Silence.id))]
