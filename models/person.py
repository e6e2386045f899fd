"""A person of a workspace, as Slack told us, and who of them are managers."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Index, String, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import Base, Id, UserError, among, insert, rows_among
from models.installation import Installation

FRESH = timedelta(hours=1)
"""How long we believe what Slack said about a person. `user_change` corrects it at once where it arrives."""


class NotManagerError(UserError):
    """Only managers can change this: Slack admins and owners, and whom they name."""

    def __init__(self, manager_ids: Sequence[str] = ()) -> None:
        """Take the user ids of some of them, so that the refusal can say whom to ask."""
        super().__init__()
        self.manager_ids = tuple(manager_ids)


class NotMemberError(UserError):
    """What Runrate tells is for members of this workspace, not for guests."""

    def __init__(self, manager_ids: Sequence[str] = ()) -> None:
        """Take the user ids of some managers, so that the refusal can say whom to ask."""
        super().__init__()
        self.manager_ids = tuple(manager_ids)


class Person(Base):
    """What Slack's `users.info` says of somebody."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "workspace_id", "email"),)

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool]
    is_guest: Mapped[bool]
    is_deactivated: Mapped[bool]
    time_zone: Mapped[str] = mapped_column(String(64))
    fetched_at: Mapped[datetime]
    destinations_page: Mapped[int] = mapped_column(default=0)
    sources_page: Mapped[int] = mapped_column(default=0)
    """Which page of these lists their Home tab shows, from 0."""

    @property
    def zone(self) -> ZoneInfo:
        """Give the zone of their clocks; UTC where Slack names one that nobody here knows."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")


class Manager(Base):
    """Somebody whom an admin named, though Slack doesn't call them one."""

    __tablename__ = "managers"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    named_by: Mapped[str] = mapped_column(Id)
    named_at: Mapped[datetime]


def is_guest_in_slack(user: dict[str, Any], workspace_id: str) -> bool:
    """Say whether a user object of Slack's is a guest's, or of somebody from elsewhere."""
    is_guest = user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_stranger")
    return bool(is_guest) or is_of_another_workspace(user, workspace_id)


def is_of_another_workspace(user: dict[str, Any], workspace_id: str) -> bool:
    """Say whether somebody is of another company, or of another workspace of the same organisation.

    Slack calls only those strangers with whom no channel is shared.
    """
    teams = (user.get("enterprise_user") or {}).get("teams")
    return workspace_id not in (teams if teams is not None else [user.get("team_id") or workspace_id])


async def _is_admin(session: AsyncSession, workspace_id: str, user: dict[str, Any]) -> bool:
    """Say whether somebody is an admin or owner here, or of the whole organisation.

    Asked with an organisation's token, Slack may tell what they are in another workspace of it.
    """
    org = user.get("enterprise_user")
    if org and (org.get("is_admin") or org.get("is_owner")):
        return True
    if org and user.get("team_id") != workspace_id:
        grant = await session.get(Installation, workspace_id)
        if grant is not None and grant.is_org_wide:
            return False
    return bool(user.get("is_admin") or user.get("is_owner"))


async def remember(session: AsyncSession, workspace_id: str, user: dict[str, Any], *, now: datetime) -> Person:
    """Take over a user object as Slack sends it in `users.info` and `user_change`."""
    profile = user.get("profile") or {}
    name = profile.get("real_name") or user.get("real_name") or profile.get("display_name") or user.get("name") or ""
    values = {
        "name": str(name)[:255],
        "email": (profile.get("email") or "").lower()[:255] or None,
        "is_admin": await _is_admin(session, workspace_id, user),
        "is_guest": is_guest_in_slack(user, workspace_id),
        "is_deactivated": bool(user.get("deleted")),
        "time_zone": str(user.get("tz") or "UTC")[:64],
        "fetched_at": now,
    }
    statement = insert(session, Person).values(workspace_id=workspace_id, user_id=user["id"], **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=values))
    return Person(workspace_id=workspace_id, user_id=user["id"], **values)


async def get(session: AsyncSession, workspace_id: str, user_id: str) -> Person | None:
    """Find a person, however old our knowledge is."""
    return await session.get(Person, (workspace_id, user_id))


async def turn(
    session: AsyncSession, workspace_id: str, user_id: str, *, destinations_page: int, sources_page: int
) -> None:
    """Note which pages a person's Home tab shows, so that they stay when it is shown again."""
    pages = {"destinations_page": destinations_page, "sources_page": sources_page}
    where = (Person.workspace_id == workspace_id, Person.user_id == user_id)
    await session.execute(update(Person).where(*where).values(pages))


async def left_with(session: AsyncSession, workspace_id: str, email: str) -> Person | None:
    """Find somebody deactivated who had an e-mail address. Slack may not answer for them any more."""
    theirs = (Person.workspace_id == workspace_id, Person.email == email.lower(), Person.is_deactivated)
    found: Person | None = await session.scalar(select(Person).where(*theirs).order_by(Person.user_id).limit(1))
    return found


async def with_email(session: AsyncSession, workspace_id: str, email: str) -> Person | None:
    """Find whoever has an e-mail address, of two the one who is still there."""
    theirs = (Person.workspace_id == workspace_id, Person.email == email.lower())
    query = select(Person).where(*theirs).order_by(Person.is_deactivated, Person.user_id)
    found: Person | None = await session.scalar(query.limit(1))
    return found


async def named(session: AsyncSession, workspace_id: str, user_ids: Collection[str]) -> dict[str, str]:
    """Give the names of some people, as far as we know them, by their user ids."""
    query = select(Person.user_id, Person.name).where(Person.workspace_id == workspace_id)
    return {row.user_id: row.name for row in await session.execute(query.where(among(Person.user_id, user_ids)))}


async def names(session: AsyncSession, workspace_id: str) -> dict[str, str]:
    """Give the names of all people whom we know, by their user ids."""
    rows = await session.execute(select(Person.user_id, Person.name).where(Person.workspace_id == workspace_id))
    return {row.user_id: row.name for row in rows}


async def guests(session: AsyncSession, workspace_id: str) -> set[str]:
    """Give the user ids of a workspace's guests, as far as we know them."""
    query = select(Person.user_id).where(
        Person.workspace_id == workspace_id, Person.is_guest, Person.is_deactivated.is_(False)
    )
    return set(await session.scalars(query))


async def unfit(session: AsyncSession, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], Person]:
    """Give those who may hear nothing of MRR, since they left or are guests: by a workspace's id and a user's."""
    if not people:
        return {}
    key = (Person.workspace_id, Person.user_id)
    query = select(Person).where(rows_among(key, people), or_(Person.is_deactivated, Person.is_guest))
    return {(one.workspace_id, one.user_id): one for one in await session.scalars(query)}


def is_fresh(person: Person | None, *, now: datetime) -> bool:
    """Say whether what we know of a person may be believed."""
    return person is not None and now - person.fetched_at < FRESH


async def is_manager(session: AsyncSession, person: Person) -> bool:
    """Say whether a person may change the workspace's settings."""
    if person.is_deactivated or person.is_guest:
        return False
    return person.is_admin or await session.get(Manager, (person.workspace_id, person.user_id)) is not None


async def named_managers(session: AsyncSession, workspace_id: str) -> list[str]:
    """List the user ids of those whom admins named."""
    query = select(Manager.user_id).where(Manager.workspace_id == workspace_id).order_by(Manager.user_id)
    return list(await session.scalars(query))


async def present_managers(session: AsyncSession, workspace_id: str) -> list[str]:
    """List those of them who are still here as full members, as far as we know."""
    named = await named_managers(session, workspace_id)
    gone = await unfit(session, {(workspace_id, user_id) for user_id in named})
    return [user_id for user_id in named if (workspace_id, user_id) not in gone]


async def name_managers(
    session: AsyncSession, workspace_id: str, user_ids: Iterable[str], *, by: str, now: datetime
) -> None:
    """Replace the list of named managers."""
    wanted, known = set(user_ids), set(await named_managers(session, workspace_id))
    await session.execute(
        delete(Manager).where(Manager.workspace_id == workspace_id, Manager.user_id.in_(known - wanted))
    )
    session.add_all(
        Manager(workspace_id=workspace_id, user_id=user_id, named_by=by, named_at=now) for user_id in wanted - known
    )
    audit.record(session, workspace_id, actor=by, action="managers.named", detail={"managers": sorted(wanted)}, now=now)
