"""A look-up: whose an e-mail address is in Slack. An answer is believed for a day; that it is nobody's, for an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert

FOUND_KEPT = timedelta(hours=24)
MISSED_KEPT = timedelta(hours=1)


class Lookup(Base):
    """What Slack answered about an e-mail address; no user id means that nobody has it."""

    __tablename__ = "lookups"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str | None] = mapped_column(Id)
    has_left: Mapped[bool] = mapped_column(default=False)
    """Whether that person is deactivated."""
    asked_at: Mapped[datetime]


@dataclass(frozen=True)
class Known:
    """An answer that may still be believed."""

    user_id: str | None
    has_left: bool = False


async def known(session: AsyncSession, workspace_id: str, email: str, *, now: datetime) -> Known | None:
    """Give what we know about an address; None where Slack has to be asked."""
    found = await session.get(Lookup, (workspace_id, email))
    if found is None:
        return None
    kept = FOUND_KEPT if found.user_id is not None else MISSED_KEPT
    return Known(found.user_id, found.has_left) if now - found.asked_at < kept else None


async def remember(session: AsyncSession, workspace_id: str, email: str, found: Known, *, now: datetime) -> None:
    """Keep what Slack answered."""
    values = {"user_id": found.user_id, "has_left": found.has_left, "asked_at": now}
    statement = insert(session, Lookup).values(workspace_id=workspace_id, email=email, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "email"], set_=values))


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Forget answers that are believed no more."""
    await session.execute(delete(Lookup).where(Lookup.asked_at < now - FOUND_KEPT))


async def forget(session: AsyncSession, workspace_id: str, *, email: str | None, user_id: str) -> None:
    """Forget what is known about a person who joined or changed, under their address now and before."""
    theirs = (Lookup.user_id == user_id) if email is None else ((Lookup.user_id == user_id) | (Lookup.email == email))
    await session.execute(delete(Lookup).where(Lookup.workspace_id == workspace_id, theirs))
