"""A recipient: who hears of something. A channel, a group DM, a user group, a person, or the holder of a role."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id
from models.given import given

MOST_RECIPIENTS = 20


class RecipientKind(StrEnum):
    """What the target names: a channel id, people's ids, a user group's id, a user id, a role's word, an address."""

    CHANNEL = "channel"
    GROUP_DM = "group_dm"
    USER_GROUP = "user_group"
    PERSON = "person"
    ROLE = "role"
    EMAIL = "email"
    """An e-mail address, for what is told when Slack can't be used."""


class Recipient(Base):
    """One recipient of a destination, in the order in which it was chosen."""

    __tablename__ = "recipients"
    __table_args__ = (Index(None, "workspace_id", "target"),)

    destination_id: Mapped[str] = mapped_column(Id, ForeignKey("destinations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    target: Mapped[str] = mapped_column(String(255), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    position: Mapped[int]


async def of_destinations(session: AsyncSession, destination_ids: Sequence[str]) -> dict[str, list[Recipient]]:
    """Give the recipients of several destinations, by the destination's id."""
    found: dict[str, list[Recipient]] = {destination_id: [] for destination_id in destination_ids}
    query = select(Recipient).where(Recipient.destination_id.in_(destination_ids)).order_by(Recipient.position)
    for recipient in await session.scalars(query):
        found[recipient.destination_id].append(recipient)
    return found


async def replace(
    session: AsyncSession, workspace_id: str, destination_id: str, recipients: Sequence[tuple[RecipientKind, str]]
) -> None:
    """Put these recipients in the place of a destination's old ones."""
    await session.execute(delete(Recipient).where(Recipient.destination_id == destination_id))
    session.add_all(
        Recipient(destination_id=destination_id, kind=kind, target=target, workspace_id=workspace_id, position=position)
        for position, (kind, target) in enumerate(dict.fromkeys(recipients))
    )


_asked = given(destination_id=Id, kind=String(20), target=String(255))
CHOSEN = select(*_asked.c).join(
    Recipient,
    and_(
        Recipient.destination_id == _asked.c.destination_id,
        Recipient.kind == _asked.c.kind,
        Recipient.target == _asked.c.target,
    ),
)


async def chosen(session: AsyncSession, asked: Collection[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Say which of these the destinations still have: a destination's id, a recipient's kind and target."""
    connection = await session.connection()
    return {(row[0], row[1], row[2]) for row in await connection.execute(CHOSEN, {"rows": asked})}
