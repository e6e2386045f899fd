"""A workspace: one Slack workspace, the tenant. Its id is Slack's own, so that every table and shard agrees on it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import String, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import IDS, Base, Id, UserError, among, insert, texts
from models.database import wake
from models.wakeup import Topic


class WorkspaceUnknownError(UserError):
    """That workspace isn't installed here; runrate doctor says which are."""


class Workspace(Base):
    """A Slack workspace that installed us at least once."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    enterprise_id: Mapped[str | None] = mapped_column(Id)
    locale: Mapped[str] = mapped_column(String(20), default="en_US")
    fallback_channel_id: Mapped[str | None] = mapped_column(Id)
    """Where a signal goes that has nobody else to go to."""
    shows_previews: Mapped[bool] = mapped_column(default=True)
    """Whether a link to a report that somebody shares shows figures and a picture."""
    base_currency: Mapped[str] = mapped_column(String(3), default="USD")
    """In which totals are stated that several currencies make up."""
    classification_minutes: Mapped[int] = mapped_column(default=60)
    """How near to new business, churn or a reactivation a change counts as that; 0 counts each by itself."""
    guests_listed_at: Mapped[datetime | None]
    """When Slack last told us of all guests; before that nobody can say whether one of them reads a channel."""
    events_emptied_until: Mapped[datetime | None]
    """What events said that came before this is kept no longer."""
    created_at: Mapped[datetime]


async def remember(
    session: AsyncSession, *, workspace_id: str, name: str, enterprise_id: str | None, now: datetime
) -> None:
    """Add the workspace, or take over its new name."""
    values = {"name": name[:255], "enterprise_id": enterprise_id}
    statement = insert(session, Workspace).values(
        id=workspace_id, created_at=now, locale="en_US", shows_previews=True, **values
    )
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def get(session: AsyncSession, workspace_id: str) -> Workspace | None:
    """Find a workspace."""
    return await session.get(Workspace, workspace_id)


MANY = select(Workspace).where(among(Workspace.id, IDS))


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Workspace]:
    """Give workspaces by their id."""
    return {found.id: found for found in await session.scalars(MANY, {"ids": ids})}


async def hold(session: AsyncSession, workspace_ids: Sequence[str]) -> Sequence[str]:
    """Let nobody else apply the facts of workspaces until the transaction ends; leave out those where somebody does.

    It is no lock of a row, since a form that is being saved is no reason to come back later.
    """
    if session.get_bind().dialect.name == "sqlite":
        return workspace_ids  # It has one writer, who is us.
    wanted = texts(workspace_ids).table_valued("value").c.value
    key = func.hashtextextended(wanted, 0)
    return (await session.scalars(select(wanted).where(func.pg_try_advisory_xact_lock(key)))).all()


async def hold_in_turn(session: AsyncSession, workspace_id: str) -> None:
    """Do the same, and wait for whoever does it just now."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(workspace_id, 0))))


async def choose_rules(
    session: AsyncSession, workspace_id: str, *, base_currency: str, classification_minutes: int, by: str, now: datetime
) -> None:
    """Choose in which currency totals are stated, and how near to a beginning or an end a change counts as that."""
    values = {"base_currency": base_currency, "classification_minutes": classification_minutes}
    await session.execute(update(Workspace).where(Workspace.id == workspace_id).values(values))
    audit.record(session, workspace_id, actor=by, action="workspace.rules_chosen", detail=values, now=now)


async def choose_fallback(
    session: AsyncSession, workspace_id: str, channel_id: str | None, *, by: str, now: datetime
) -> None:
    """Choose where a signal goes that has nobody else to go to, or nowhere."""
    statement = update(Workspace).where(Workspace.id == workspace_id).values(fallback_channel_id=channel_id)
    await session.execute(statement)
    detail = {"channel_id": channel_id}
    audit.record(session, workspace_id, actor=by, action="workspace.fallback_chosen", detail=detail, now=now)
    wake(session, Topic.CHANNELS)


async def fallback(session: AsyncSession, workspace_id: str) -> str | None:
    """Give the channel where a signal goes that has nobody else to go to."""
    found: str | None = await session.scalar(select(Workspace.fallback_channel_id).where(Workspace.id == workspace_id))
    return found


async def follow_channel(session: AsyncSession, workspace_id: str, *, old: str, new: str) -> None:
    """Let the fallback be the new id of the channel that it was."""
    chosen = (Workspace.id == workspace_id, Workspace.fallback_channel_id == old)
    await session.execute(update(Workspace).where(*chosen).values(fallback_channel_id=new))


async def switch_previews(session: AsyncSession, workspace_id: str, *, on: bool, by: str, now: datetime) -> None:
    """Show previews under links to reports from now on, or none."""
    await session.execute(update(Workspace).where(Workspace.id == workspace_id).values(shows_previews=on))
    audit.record(session, workspace_id, actor=by, action="workspace.previews_switched", detail={"on": on}, now=now)


async def guests_listed(session: AsyncSession, workspace_id: str, *, now: datetime) -> None:
    """Note that all guests of a workspace are known."""
    await session.execute(update(Workspace).where(Workspace.id == workspace_id).values(guests_listed_at=now))


async def events_emptied(session: AsyncSession, workspace_id: str, *, until: datetime) -> None:
    """Note that what a workspace's events said is kept no longer, of those that came before an instant."""
    await session.execute(update(Workspace).where(Workspace.id == workspace_id).values(events_emptied_until=until))


async def every(session: AsyncSession) -> list[Workspace]:
    """List all workspaces, oldest first."""
    return list(await session.scalars(select(Workspace).order_by(Workspace.created_at, Workspace.id)))


async def the_one(session: AsyncSession, workspace_id: str | None) -> Workspace:
    """Find the workspace that a command means: the named one, or the only one there is.

    Raises `WorkspaceUnknownError` where there is none, or several and none was named.
    """
    if workspace_id is not None:
        found = await get(session, workspace_id)
        if found is None:
            raise WorkspaceUnknownError
        return found
    workspaces = await every(session)
    match workspaces:
        case [only]:
            return only
        case []:
            raise WorkspaceUnknownError(
                "No workspace has installed Runrate yet. Open the set-up page and press “Add to Slack”."
            )
        case _:
            names = ", ".join(f"{workspace.id} ({workspace.name})" for workspace in workspaces)
            raise WorkspaceUnknownError(f"Several workspaces are installed. Say which one with --workspace: {names}")
