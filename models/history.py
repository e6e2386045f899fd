"""History: what came in that is no news. None of it is posted; but once it is in, its workspace knows.

Whoever connected its source hears once what last week's recap would have said, and recaps that were told before are
corrected. How much of it is still to come nobody says, so that it is in once no more came for a moment.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import installation, lane, person
from models.base import UNSEEN, Base, Id, insert
from models.delivery import RUNRATE, FactKind, Owed
from models.recipient import RecipientKind
from models.source import Source

QUIET = timedelta(minutes=1)
"""For how long none came once it is in. Where a vendor's limit holds a reading up for longer, the rest is in later."""


class History(Base):
    """Of a workspace to which history came: that which its recaps don't know of yet."""

    __tablename__ = "histories"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    occurred_at: Mapped[datetime]
    """When the earliest of its movements was."""
    recorded_at: Mapped[datetime]
    """When the last of them came."""


async def came(session: AsyncSession, since: Mapping[str, datetime], *, now: datetime) -> None:
    """Note that history came to workspaces, and of each when the earliest of it was.

    Whoever notes it owes messages after that, and never before: so nobody waits for each other.
    """
    if not since:
        return
    statement = insert(session, History)
    new = statement.excluded
    both = {
        "occurred_at": case((new.occurred_at < History.occurred_at, new.occurred_at), else_=History.occurred_at),
        "recorded_at": case((new.recorded_at > History.recorded_at, new.recorded_at), else_=History.recorded_at),
    }
    rows = [{"workspace_id": key, "occurred_at": at, "recorded_at": now} for key, at in sorted(since.items())]
    statement = statement.on_conflict_do_update(index_elements=["workspace_id"], set_=both)
    await (await session.connection()).execute(statement, rows)


async def workspaces_in(session: AsyncSession, *, now: datetime) -> list[str]:
    """List the workspaces whose history is in, and not taken yet."""
    is_in = History.recorded_at <= now - QUIET
    return list(await session.scalars(select(History.workspace_id).where(is_in).order_by(History.workspace_id)))


async def take(session: AsyncSession, workspace_id: str, *, now: datetime) -> tuple[datetime, datetime] | None:
    """Take note of a workspace's history that is in: when the earliest of it was, and when the last of it came.

    None where somebody else did, or more of it comes.
    """
    is_in = (History.workspace_id == workspace_id, History.recorded_at <= now - QUIET)
    taken = delete(History).where(*is_in).returning(History.occurred_at, History.recorded_at)
    row = (await session.execute(taken, execution_options=UNSEEN)).one_or_none()
    return None if row is None else (row.occurred_at, row.recorded_at)


async def owe(session: AsyncSession, source: Source, *, now: datetime) -> None:
    """Owe that message, once a source. What a command line connected concerns who installed us."""
    connected = await person.get(session, source.workspace_id, source.created_by)
    grant = await installation.get(session, source.workspace_id)
    user_id = connected.user_id if connected is not None else grant.installed_by if grant is not None else None
    if user_id is None:
        return
    owed = Owed(asked_by=RUNRATE, fact=(FactKind.HISTORY, source.id), recipient=(RecipientKind.PERSON, user_id))
    await lane.owe(session, source.workspace_id, [owed], now=now)
