"""A mute: what a person does not want to get any more."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert


class Muted(StrEnum):
    """What can be muted."""

    SIGNALS = "signals"


class Mute(Base):
    """One wish of one person not to be told."""

    __tablename__ = "mutes"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    since: Mapped[datetime]


async def add(session: AsyncSession, workspace_id: str, user_id: str, what: Muted, *, now: datetime) -> None:
    """Stop telling a person."""
    values = {"workspace_id": workspace_id, "user_id": user_id, "what": what, "since": now}
    await session.execute(insert(session, Mute).values(values).on_conflict_do_nothing())


async def remove(session: AsyncSession, workspace_id: str, user_id: str, what: Muted) -> None:
    """Tell a person again."""
    where = (Mute.workspace_id == workspace_id, Mute.user_id == user_id, Mute.what == what)
    await session.execute(delete(Mute).where(*where))


async def is_muted(session: AsyncSession, workspace_id: str, user_id: str, what: Muted) -> bool:
    """Say whether a person does not want to be told."""
    return await session.get(Mute, (workspace_id, user_id, what)) is not None
