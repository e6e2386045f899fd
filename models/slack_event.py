"""Which of Slack's events were handled: an id is recorded with its effect, so that a repeat does nothing.

So is the id of a form that was saved.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert

KEPT = timedelta(days=2)
"""Longer than Slack repeats an event, delayed events included."""


class SlackEvent(Base):
    """One event of Slack's that took effect."""

    __tablename__ = "slack_events"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    handled_at: Mapped[datetime]


async def is_first(session: AsyncSession, workspace_id: str, event_id: str, *, now: datetime) -> bool:
    """Record the event; False where it was handled before, or is being handled by a transaction that commits."""
    values = {"workspace_id": workspace_id, "event_id": event_id, "handled_at": now}
    statement = insert(session, SlackEvent).values(values).on_conflict_do_nothing().returning(SlackEvent.event_id)
    return await session.scalar(statement) is not None


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Forget events that Slack can't repeat any more."""
    await session.execute(delete(SlackEvent).where(SlackEvent.handled_at < now - KEPT))


async def is_known(session: AsyncSession, workspace_id: str, event_id: str) -> bool:
    """Say whether the event was handled before."""
    return await session.get(SlackEvent, (workspace_id, event_id)) is not None
