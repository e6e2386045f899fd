"""A role: what a colleague is to an account, by e-mail. `owner` and `csm` are usual; a CRM may name others.

Several may say who holds a role: sources, each for itself, and records in a CRM. The better source counts, then the
newer statement; what is taken back lets the others count again. So whatever order statements arrive in, the same ones
come to the same holder.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import said
from models.base import Base, Id, JsonValue, among
from models.said import Voice


class Role(Base):
    """Who holds a role at an account. Matching the e-mail to a Slack person happens when somebody is told."""

    __tablename__ = "roles"
    __table_args__ = (Index(None, "workspace_id", "email"),)

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(60), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    email: Mapped[str | None] = mapped_column(String(255))
    """None where it was said that nobody holds it."""
    name: Mapped[str | None] = mapped_column(String(255))
    said: Mapped[dict[str, list[Any]]] = mapped_column(JsonValue, default=dict)
    """By who said it, a source's or a record's id: how well and when (`models.said`), and the e-mail and the name."""
    updated_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """That somebody holds a role at an account; an e-mail of None says that nobody does."""

    workspace_id: str
    account_id: str
    role: str
    by: str
    voice: Voice
    email: str | None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Restatement:
    """All that a record says of an account's roles now, in the place of what it said before."""

    workspace_id: str
    account_id: str
    by: str
    holders: Mapping[str, list[Any]]
    """By the role: how well and when it was said, and the e-mail and the name."""


Roles = dict[tuple[str, str], Role]


async def apply(session: AsyncSession, statements: Sequence[Statement], *, now: datetime) -> None:
    """Let roles change hands as was said, in this order."""
    roles = await _of_accounts(session, {one.account_id for one in statements})
    for one in statements:
        role = _begun(session, roles, one.workspace_id, one.account_id, one.role)
        holder = [one.email and one.email.lower(), one.name]
        if one.voice.hears(role.said.get(one.by), holder, rank=one.voice.rank):
            role.said = {**role.said, one.by: [one.voice.rank, one.voice.at, holder]}
            _give(role, now=now)
    await session.flush()


async def restate(session: AsyncSession, restatements: Collection[Restatement], *, now: datetime) -> None:
    """Let what records say now count in the place of what they said before."""
    roles = await _of_accounts(session, {one.account_id for one in restatements})
    for one in restatements:
        for place, role in roles.items():
            if place[0] == one.account_id and one.by in role.said:
                role.said = {by: told for by, told in role.said.items() if by != one.by}
        for name, told in one.holders.items():
            role = _begun(session, roles, one.workspace_id, one.account_id, name)
            role.said = {**role.said, one.by: told}
    await _write(session, roles, now=now)


async def move(session: AsyncSession, account_id: str, to_account_id: str, *, now: datetime) -> None:
    """Let what was said of one account's roles be said of another's, with which it becomes one."""
    roles = await _of_accounts(session, {account_id, to_account_id})
    for (at, name), old in list(roles.items()):
        if at == account_id:
            role = _begun(session, roles, old.workspace_id, to_account_id, name)
            role.said = said.together([role.said, old.said])
            old.said = {}
    await _write(session, roles, now=now)


async def _of_accounts(session: AsyncSession, account_ids: Collection[str]) -> Roles:
    if not account_ids:
        return {}
    found = await session.scalars(select(Role).where(among(Role.account_id, account_ids)))
    return {(role.account_id, role.role): role for role in found}


def _begun(session: AsyncSession, roles: Roles, workspace_id: str, account_id: str, name: str) -> Role:
    place = (account_id, name)
    if place not in roles:
        roles[place] = Role(account_id=account_id, role=name, workspace_id=workspace_id, said={})
        session.add(roles[place])
    return roles[place]


async def _write(session: AsyncSession, roles: Roles, *, now: datetime) -> None:
    """Write who holds the roles now; one that nobody speaks of any more is gone."""
    for role in roles.values():
        if role.said:
            _give(role, now=now)
        else:
            await session.delete(role)
    await session.flush()


def _give(role: Role, *, now: datetime) -> None:
    email, name = said.best(role.said.values())[2]
    if (role.email, role.name) != (email, name) or role.updated_at is None:
        role.email, role.name, role.updated_at = email, name, now


async def of_account(session: AsyncSession, account_id: str) -> list[Role]:
    """List an account's roles that somebody holds."""
    held = (Role.account_id == account_id, Role.email.is_not(None))
    return list(await session.scalars(select(Role).where(*held).order_by(Role.role)))


async def at_accounts(session: AsyncSession, account_ids: Collection[str]) -> dict[str, dict[str, Role]]:
    """Give by account the roles that somebody holds there, by their name."""
    held = (among(Role.account_id, account_ids), Role.email.is_not(None))
    found: dict[str, dict[str, Role]] = {}
    for one in await session.scalars(select(Role).where(*held)):
        found.setdefault(one.account_id, {})[one.role] = one
    return found


async def holders(session: AsyncSession, account_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Give by account who holds its roles: their e-mail addresses, by the role."""
    held = (among(Role.account_id, account_ids), Role.email.is_not(None))
    found: dict[str, dict[str, str]] = {}
    for account_id, role, email in await session.execute(select(Role.account_id, Role.role, Role.email).where(*held)):
        found.setdefault(account_id, {})[role] = str(email)
    return found


async def names(session: AsyncSession, workspace_id: str, emails: Collection[str]) -> dict[str, str]:
    """Give the names of those who hold a role, by their e-mail addresses, where somebody told them."""
    if not emails:
        return {}
    theirs = (Role.workspace_id == workspace_id, among(Role.email, emails), Role.name.is_not(None))
    rows = await session.execute(select(Role.email, func.max(Role.name)).where(*theirs).group_by(Role.email))
    return {str(email): str(name) for email, name in rows}


async def count_held(session: AsyncSession, workspace_id: str, role: str, emails: Collection[str]) -> int:
    """Count the accounts at which whoever has these addresses holds a role."""
    theirs = (Role.workspace_id == workspace_id, Role.role == role, among(Role.email, emails))
    return int(await session.scalar(select(func.count()).select_from(Role).where(*theirs)) or 0)
