"""An alias: the external id of an account that became part of another. What comes under it goes to that other one."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, rows_among


class AccountAlias(Base):
    """One account that is no more, and the account that it is part of now."""

    __tablename__ = "account_aliases"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"), index=True)
    former_id: Mapped[str] = mapped_column(Id, unique=True)
    """The id that the account had, by which older messages and forms still name it."""
    merged_at: Mapped[datetime]


async def leading(session: AsyncSession, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Give the ids of the accounts to which those of these names lead that are aliases.

    A name is a workspace's id and an external id.
    """
    place = (AccountAlias.workspace_id, AccountAlias.external_id)
    rows = await session.execute(select(*place, AccountAlias.account_id).where(rows_among(place, names)))
    return {(workspace_id, name): account_id for workspace_id, name, account_id in rows}


async def of_account(session: AsyncSession, account_id: str) -> list[str]:
    """List the external ids that lead to an account beside its own."""
    query = select(AccountAlias.external_id).where(AccountAlias.account_id == account_id)
    return list(await session.scalars(query.order_by(AccountAlias.external_id)))


async def now_in(session: AsyncSession, workspace_id: str, former_id: str) -> str | None:
    """Say in which account one is now that had this id; None where it never became part of another."""
    query = select(AccountAlias.account_id).where(
        AccountAlias.workspace_id == workspace_id, AccountAlias.former_id == former_id
    )
    found: str | None = await session.scalar(query)
    return found
