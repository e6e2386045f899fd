"""An e-mail alias: the Slack person behind an e-mail address that a CRM has and Slack doesn't."""

from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import Base, Id, insert
from models.database import wake
from models.lookup import Lookup
from models.role import Role
from models.wakeup import Topic

MOST_UNKNOWN = 15
"""As many addresses that nobody in Slack has are shown at a time."""


class EmailAlias(Base):
    """Whose an address is. It goes before what Slack says of the address."""

    __tablename__ = "email_aliases"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    set_by: Mapped[str] = mapped_column(Id)
    set_at: Mapped[datetime]


async def find(session: AsyncSession, workspace_id: str, email: str) -> str | None:
    """Say which Slack person an address was given to."""
    found = await session.get(EmailAlias, (workspace_id, email.lower()))
    return found.user_id if found is not None else None


async def of_workspace(session: AsyncSession, workspace_id: str) -> list[EmailAlias]:
    """List a workspace's aliases, in the order of the alphabet."""
    query = select(EmailAlias).where(EmailAlias.workspace_id == workspace_id)
    return list(await session.scalars(query.order_by(EmailAlias.email)))


async def of_person(session: AsyncSession, workspace_id: str, user_id: str) -> list[str]:
    """List the addresses that were given to a Slack person."""
    theirs = (EmailAlias.workspace_id == workspace_id, EmailAlias.user_id == user_id)
    return list(await session.scalars(select(EmailAlias.email).where(*theirs).order_by(EmailAlias.email)))


async def give(session: AsyncSession, workspace_id: str, email: str, user_id: str, *, by: str, now: datetime) -> None:
    """Give an address to a Slack person: signals that wait for its holder, and all later ones, go there."""
    values = {"user_id": user_id, "set_by": by, "set_at": now}
    statement = insert(session, EmailAlias).values(workspace_id=workspace_id, email=email.lower(), **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "email"], set_=values))
    detail = {"email": email.lower(), "user_id": user_id}
    audit.record(session, workspace_id, actor=by, action="email_alias.given", detail=detail, now=now)
    wake(session, Topic.SIGNALS)


async def remove(session: AsyncSession, workspace_id: str, email: str, *, by: str, now: datetime) -> None:
    """Let Slack say again whose an address is."""
    there = (EmailAlias.workspace_id == workspace_id, EmailAlias.email == email.lower())
    removed = await session.scalar(delete(EmailAlias).where(*there).returning(EmailAlias.email))
    if removed is not None:
        detail = {"email": removed}
        audit.record(session, workspace_id, actor=by, action="email_alias.removed", detail=detail, now=now)


async def unknown(session: AsyncSession, workspace_id: str) -> list[str]:
    """List addresses that hold a role and that nobody in Slack has, as far as Slack was asked."""
    given = select(EmailAlias.email).where(EmailAlias.workspace_id == workspace_id)
    query = (
        select(Role.email)
        .join(Lookup, (Lookup.workspace_id == Role.workspace_id) & (Lookup.email == Role.email))
        .where(Role.workspace_id == workspace_id, Lookup.user_id.is_(None), Role.email.not_in(given))
        .distinct()
        .order_by(Role.email)
    )
    return [str(email) for email in await session.scalars(query.limit(MOST_UNKNOWN))]
