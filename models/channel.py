"""A channel, as far as we know it: learned from Slack's events and what people picked, never by listing them all."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import String, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import Base, Id, among, insert
from models.given import given


class Absence(StrEnum):
    """Why we can't see a channel any more, where Slack told us."""

    REMOVED = "removed"
    DELETED = "deleted"
    DISCONNECTED = "disconnected"
    """Another company's channel, which it no longer shares with this workspace."""
    UNSEEN = "unseen"
    """Slack says that there is no such channel, as it does of any that it doesn't show us."""


class Hindrance(NamedTuple):
    """Why nothing can be told somewhere, as it follows “I can't post to #revenue:”, and what to do about it."""

    reason: str
    fix: str


INVITE = "Type @Runrate in the channel and press “Invite Them”, or choose another channel."

REMOVED = Hindrance("I was removed from the channel, which is private", INVITE)
DELETED = Hindrance("the channel was deleted", "Choose another channel.")
DISCONNECTED = Hindrance(
    "the company that owns the channel no longer shares it with this workspace",
    "Ask them to share it again, or choose another channel.",
)
ARCHIVED = Hindrance("the channel is archived", "Unarchive it, or choose another channel.")
CLOSED = Hindrance("the channel isn't public any more, and I'm not in it", INVITE)
UNSEEN = Hindrance("I can't see it, since it is private and I'm not in it, or it was deleted", INVITE)
OUTSIDERS = Hindrance(
    "the channel is now shared with another company",
    "Confirm it in the destination, or choose another channel.",
)


class Channel(Base):
    """A public or private channel. `is_member` says whether our bot is in it."""

    __tablename__ = "channels"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    channel_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    is_private: Mapped[bool]
    is_member: Mapped[bool]
    is_archived: Mapped[bool]
    is_shared_outside: Mapped[bool]
    """A Slack Connect channel, or one about to become one: people of other companies read it."""
    outsiders_confirmed_at: Mapped[datetime | None]
    """When a manager said that people of other companies may read our MRR there; void once they can't any more."""
    absence: Mapped[str | None] = mapped_column(String(20))
    times_left: Mapped[int] = mapped_column(default=0)
    """How often our bot was in it and left, so that a new invitation is a new one."""
    checked_at: Mapped[datetime]

    @property
    def public_name(self) -> str | None:
        """Give the name in words that anybody may read; None where only those who are in the channel may know it."""
        return None if self.is_private else f"#{self.name}"

    @property
    def is_open(self) -> bool:
        """Say whether nothing that we know of stands in the way of a message."""
        return not (self.is_archived or self.needs_confirmation) and (self.is_member or not self.is_private)

    @property
    def hindrance(self) -> Hindrance | None:
        """Say what is known to stand in the way of any message; a public channel is entered when there is one."""
        match self:
            case Channel(absence=Absence.DELETED):
                return DELETED
            case Channel(absence=Absence.DISCONNECTED):
                return DISCONNECTED
            case Channel(is_archived=True):
                return ARCHIVED
            case Channel(is_member=True):
                return None
            case Channel(is_private=False):
                return CLOSED if self.absence == Absence.UNSEEN else None
            case _:
                return REMOVED if self.absence == Absence.REMOVED else UNSEEN

    @property
    def needs_confirmation(self) -> bool:
        """Say whether people of other companies read along, and no manager has said that they may."""
        return self.is_shared_outside and self.outsiders_confirmed_at is None


async def remember(session: AsyncSession, workspace_id: str, info: dict[str, Any], *, now: datetime) -> Channel:
    """Take over a channel object as `conversations.info` and `conversations.join` answer it."""
    values: dict[str, Any] = {
        "name": str(info.get("name") or info["id"])[:255],
        "is_private": bool(info.get("is_private") or info.get("is_group")),
        "is_member": bool(info.get("is_member")),
        "is_archived": bool(info.get("is_archived")),
        "is_shared_outside": bool(info.get("is_ext_shared") or info.get("is_pending_ext_shared")),
        "checked_at": now,
        "absence": None,
    }
    new = {"workspace_id": workspace_id, "channel_id": info["id"], "times_left": 0, **values}
    confirmed_at = Channel.outsiders_confirmed_at if values["is_shared_outside"] else None
    statement = insert(session, Channel).values(new)
    known = statement.on_conflict_do_update(
        index_elements=["workspace_id", "channel_id"], set_={**values, "outsiders_confirmed_at": confirmed_at}
    )
    found = await session.scalars(known.returning(Channel), execution_options={"populate_existing": True})
    return found.one()


async def confirm_outsiders(
    session: AsyncSession, workspace_id: str, channel_ids: Collection[str], *, by: str, now: datetime
) -> None:
    """Note that people of other companies may read our MRR in those of these channels in which nobody said so yet."""
    where = (Channel.workspace_id == workspace_id, Channel.channel_id.in_(channel_ids), Channel.is_shared_outside)
    statement = update(Channel).where(*where, Channel.outsiders_confirmed_at.is_(None))
    for channel_id in await session.scalars(statement.values(outsiders_confirmed_at=now).returning(Channel.channel_id)):
        audit.record(
            session, workspace_id, actor=by, action="channel.outsiders_confirmed", subject_id=channel_id, now=now
        )


async def get(session: AsyncSession, workspace_id: str, channel_id: str) -> Channel | None:
    """Find a channel that we know."""
    return await session.get(Channel, (workspace_id, channel_id))


async def known(session: AsyncSession, workspace_id: str) -> dict[str, Channel]:
    """Give all channels that we know, by their id."""
    query = select(Channel).where(Channel.workspace_id == workspace_id)
    return {channel.channel_id: channel for channel in await session.scalars(query)}


async def public_among(session: AsyncSession, workspace_id: str, channel_ids: Collection[str]) -> set[str]:
    """Give those of these channels that are known to be public."""
    query = select(Channel.channel_id).where(Channel.workspace_id == workspace_id, Channel.is_private.is_(False))
    return set(await session.scalars(query.where(among(Channel.channel_id, channel_ids))))


async def closed(session: AsyncSession, workspace_id: str) -> dict[str, Channel]:
    """Give by its id each channel into which something may not be posted as things are, as far as we know."""
    is_unconfirmed = and_(Channel.is_shared_outside, Channel.outsiders_confirmed_at.is_(None))
    is_shut = or_(Channel.is_archived, Channel.absence.is_not(None), and_(Channel.is_private, ~Channel.is_member))
    query = select(Channel).where(Channel.workspace_id == workspace_id, or_(is_shut, is_unconfirmed))
    found = await session.scalars(query)
    return {one.channel_id: one for one in found if one.hindrance or one.needs_confirmation}


_asked = given(workspace_id=Id, channel_id=Id)
UNCONFIRMED = (
    select(*_asked.c)
    .join(Channel, and_(Channel.workspace_id == _asked.c.workspace_id, Channel.channel_id == _asked.c.channel_id))
    .where(Channel.is_shared_outside, Channel.outsiders_confirmed_at.is_(None))
)


async def unconfirmed(session: AsyncSession, asked: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Say which of these need a confirmation for those who read along: a workspace's id and a channel's."""
    connection = await session.connection()
    return {(row[0], row[1]) for row in await connection.execute(UNCONFIRMED, {"rows": asked})}


async def change(session: AsyncSession, workspace_id: str, channel_id: str, **values: Any) -> None:
    """Note what an event or an answer of Slack said of a channel; one that we don't know is left unknown."""
    where = (Channel.workspace_id == workspace_id, Channel.channel_id == channel_id)
    await session.execute(update(Channel).where(*where).values(**values))


async def leave(session: AsyncSession, workspace_id: str, channel_id: str) -> None:
    """Note that our bot left a channel, or was removed from it."""
    statement = (
        update(Channel)
        .where(Channel.workspace_id == workspace_id, Channel.channel_id == channel_id, Channel.is_member)
        .values(is_member=False, times_left=Channel.times_left + 1, absence=Absence.REMOVED)
    )
    await session.execute(statement)


async def times_left(session: AsyncSession, workspace_id: str, channel_id: str) -> int:
    """Say how often our bot has left a channel; 0 for one that we don't know."""
    found = await get(session, workspace_id, channel_id)
    return found.times_left if found is not None else 0


async def lose_sight(session: AsyncSession, workspace_id: str, channel_id: str) -> None:
    """Note that Slack shows us no such channel; why, we may have been told before."""
    absence = func.coalesce(Channel.absence, Absence.UNSEEN.value)
    await change(session, workspace_id, channel_id, is_member=False, absence=absence)


async def forget_memberships(session: AsyncSession, workspace_id: str) -> None:
    """Take our bot to have left every channel, until Slack says that it is in one."""
    statement = update(Channel).where(Channel.workspace_id == workspace_id, Channel.is_member)
    await session.execute(statement.values(is_member=False, times_left=Channel.times_left + 1))
