"""A role: what a colleague is to an account, by e-mail. `owner` and `csm` are usual; a CRM may name others."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert
from models.fact import RoleFact


class Role(Base):
    """Who holds a role at an account. Matching the e-mail to a Slack person happens when somebody is told."""

    __tablename__ = "roles"
    __table_args__ = (Index(None, "workspace_id", "email"),)

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(60), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    email: Mapped[str] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(255))
    updated_at: Mapped[datetime]


async def apply(session: AsyncSession, workspace_id: str, fact: RoleFact, *, account_id: str, now: datetime) -> None:
    """Give the role to the named colleague, or take it from whoever holds it where no e-mail is given."""
    if fact.email is None:
        await session.execute(delete(Role).where(Role.account_id == account_id, Role.role == fact.role))
        return
    values = {"email": fact.email.lower(), "name": fact.name, "updated_at": now}
    statement = insert(session, Role).values(account_id=account_id, role=fact.role, workspace_id=workspace_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["account_id", "role"], set_=values))


async def of_account(session: AsyncSession, account_id: str) -> list[Role]:
    """List an account's roles."""
    return list(await session.scalars(select(Role).where(Role.account_id == account_id).order_by(Role.role)))
