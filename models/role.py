"""A role: what a colleague is to an account, by e-mail. `owner` and `csm` are usual; a CRM may name others."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert, rows_among
from models.fact import RoleFact

UNSEEN = {"synchronize_session": False}


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


async def apply(
    session: AsyncSession, holders_by_workspace: Mapping[str, Mapping[tuple[str, str], RoleFact]], *, now: datetime
) -> None:
    """Give roles to the named colleagues, or take them from whoever holds them where no e-mail is given.

    The facts of a workspace come by account id and role.
    """
    rows = [
        {
            "account_id": account_id,
            "role": role,
            "workspace_id": workspace_id,
            "email": fact.email.lower(),
            "name": fact.name,
            "updated_at": now,
        }
        for workspace_id, holders in holders_by_workspace.items()
        for (account_id, role), fact in holders.items()
        if fact.email is not None
    ]
    if rows:
        statement = insert(session, Role)
        told = {name: statement.excluded[name] for name in ("email", "name", "updated_at")}
        await session.execute(statement.on_conflict_do_update(index_elements=["account_id", "role"], set_=told), rows)
    free = [place for holders in holders_by_workspace.values() for place, fact in holders.items() if fact.email is None]
    if free:
        await session.execute(
            delete(Role).where(rows_among((Role.account_id, Role.role), free)), execution_options=UNSEEN
        )


async def of_account(session: AsyncSession, account_id: str) -> list[Role]:
    """List an account's roles."""
    return list(await session.scalars(select(Role).where(Role.account_id == account_id).order_by(Role.role)))
