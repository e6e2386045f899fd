"""A conversation: where a group of chosen people is written to, remembered once Slack has opened it for us."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert, rows_among


class Conversation(Base):
    """The group DM of some people, with us in it. The target is theirs, as a recipient's is."""

    __tablename__ = "conversations"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    target: Mapped[str] = mapped_column(String(255), primary_key=True)
    channel_id: Mapped[str] = mapped_column(Id)
    opened_at: Mapped[datetime]


async def remember(session: AsyncSession, workspace_id: str, target: str, channel_id: str, *, now: datetime) -> None:
    """Note where a group is written to from now on."""
    found = {"channel_id": channel_id, "opened_at": now}
    statement = insert(session, Conversation).values(workspace_id=workspace_id, target=target, **found)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id", "target"], set_=found))


async def opened(session: AsyncSession, groups: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Give the channel ids of groups that are open, each named by a workspace's id and a target."""
    if not groups:
        return {}
    key = (Conversation.workspace_id, Conversation.target)
    rows = await session.execute(select(*key, Conversation.channel_id).where(rows_among(key, groups)))
    return {(row[0], row[1]): row[2] for row in rows}


async def forget(session: AsyncSession, workspace_id: str, target: str) -> None:
    """Let a group's conversation be opened anew: the one that we knew is gone."""
    where = (Conversation.workspace_id == workspace_id, Conversation.target == target)
    await session.execute(delete(Conversation).where(*where))


async def target_of(session: AsyncSession, workspace_id: str, channel_id: str) -> str | None:
    """Say whose conversation a channel is; None for one that is no group's of ours."""
    where = (Conversation.workspace_id == workspace_id, Conversation.channel_id == channel_id)
    found: str | None = await session.scalar(select(Conversation.target).where(*where).limit(1))
    return found
