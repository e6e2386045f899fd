"""An organisation: an Enterprise Grid whose admins installed us once for all of it, and let us into its workspaces.

Each of these workspaces is a tenant like any other, with an installation of its own, so that whatever sends or answers
asks for no more than that; all of them have the organisation's token.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import installation
from models.base import Base, Id, insert
from models.installation import Bot, Grant, Granted, Installation
from models.secret import Keyring
from models.workspace import Workspace


class Organisation(Granted, Base):
    """What an organisation granted. `revoked_at` is when it ended, for all its workspaces."""

    __tablename__ = "organisations"

    enterprise_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))


@dataclass(frozen=True, kw_only=True)
class OrgGrant(Bot):
    """What Slack answered to the exchange of a code for a whole organisation."""

    enterprise_id: str
    name: str


async def save(session: AsyncSession, grant: OrgGrant, *, keyring: Keyring, now: datetime) -> None:
    """Install for an organisation, or again; which workspaces it is for is another question."""
    values = {"name": grant.name[:255], **installation.granted(grant, keyring=keyring, now=now)}
    statement = insert(session, Organisation).values(enterprise_id=grant.enterprise_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["enterprise_id"], set_=values))


async def get(session: AsyncSession, enterprise_id: str) -> Organisation | None:
    """Find an organisation that installed us, even if that has ended."""
    return await session.get(Organisation, enterprise_id)


async def active(session: AsyncSession) -> list[Organisation]:
    """List the organisations whose grant stands."""
    query = select(Organisation).where(Organisation.revoked_at.is_(None)).order_by(Organisation.enterprise_id)
    return list(await session.scalars(query))


async def workspaces(session: AsyncSession, enterprise_id: str) -> set[str]:
    """Give the ids of the workspaces in which an organisation's grant stands."""
    query = select(Installation.workspace_id).join(Workspace, Workspace.id == Installation.workspace_id)
    stands = (Workspace.enterprise_id == enterprise_id, Installation.is_org_wide, Installation.revoked_at.is_(None))
    return set(await session.scalars(query.where(*stands)))


async def grant_access(
    session: AsyncSession, organisation: Organisation, named: Mapping[str, str], *, keyring: Keyring, now: datetime
) -> None:
    """Install in workspaces of an organisation, whose names stand beside their ids, with its token."""
    bot = {one.name: getattr(organisation, one.name) for one in fields(Bot) if one.name != "token"}
    token = keyring.open(organisation.token_sealed)
    for workspace_id, name in named.items():
        grant = Grant(
            workspace_id=workspace_id,
            workspace_name=name,
            enterprise_id=organisation.enterprise_id,
            is_org_wide=True,
            token=token,
            **bot,
        )
        await installation.save(session, grant, keyring=keyring, now=now)


async def revoke_access(
    session: AsyncSession, enterprise_id: str, workspace_ids: Collection[str], *, because: str, now: datetime
) -> None:
    """End the installations in workspaces that an organisation took us out of; one of a workspace's own stands."""
    for workspace_id in sorted(await workspaces(session, enterprise_id) & set(workspace_ids)):
        await installation.revoke(session, workspace_id, because=because, now=now)


async def revoke(
    session: AsyncSession, enterprise_id: str, *, because: str, now: datetime, token_sealed: str | None = None
) -> None:
    """End an organisation's grant, and so those of all its workspaces.

    With `token_sealed`, only while that token is still the one in force, as for an installation.
    """
    where = [Organisation.enterprise_id == enterprise_id, Organisation.revoked_at.is_(None)]
    if token_sealed is not None:
        where.append(Organisation.token_sealed == token_sealed)
    statement = update(Organisation).where(*where).values(revoked_at=now, revoked_because=because, updated_at=now)
    if await session.scalar(statement.returning(Organisation.enterprise_id)) is not None:
        theirs = await workspaces(session, enterprise_id)
        await revoke_access(session, enterprise_id, theirs, because=because, now=now)


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt every organisation's token anew with the newest key; say how many there were."""
    found = list(await session.scalars(select(Organisation)))
    for organisation in found:
        organisation.token_sealed = keyring.rotate(organisation.token_sealed)
    return len(found)
