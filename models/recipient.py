"""A recipient: who hears of something. A channel, a group DM, a user group, a person, or the holder of a role."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, Index, String, and_, delete, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id
from models.given import given

MOST_RECIPIENTS = 20
LEAST_TOGETHER, MOST_TOGETHER = 2, 8
"""How many people, beside ourselves, Slack puts into one group DM."""

_SEPARATOR = ","


class RecipientKind(StrEnum):
    """What the target names: a channel id, people's ids, a user group's id, a user id, a role's word, an address."""

    CHANNEL = "channel"
    GROUP_DM = "group_dm"
    USER_GROUP = "user_group"
    PERSON = "person"
    ROLE = "role"
    EMAIL = "email"
    """An e-mail address, for what is told when Slack can't be used."""


IN_PERSON = (RecipientKind.PERSON, RecipientKind.GROUP_DM)
"""Who hears in a conversation of their own."""


class To(NamedTuple):
    """To whom something is told: the kind of recipient, and its target."""

    kind: RecipientKind
    target: str

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Name the people whom it reaches by themselves: one, or those of a group DM."""
        match self.kind:
            case RecipientKind.PERSON:
                return (self.target,)
            case RecipientKind.GROUP_DM:
                return tuple(self.target.split(_SEPARATOR))
            case _:
                return ()

    def called(self, names: Mapping[str, str]) -> str:
        """Name it in plain text, by the names of channels and people by their ids; one without a name by its id."""
        if self.kind is not RecipientKind.GROUP_DM:
            return names.get(self.target, self.target)
        *others, last = (names.get(one, one) for one in self.user_ids)
        return f"the group DM of {', '.join(others)} and {last}"


def together(user_ids: Iterable[str]) -> To:
    """Address people in one group DM: the same one, in whatever order they were chosen. One alone is a person."""
    chosen = sorted(set(user_ids))
    kind = RecipientKind.GROUP_DM if len(chosen) > 1 else RecipientKind.PERSON
    return To(kind, _SEPARATOR.join(chosen))


class Recipient(Base):
    """One recipient of a destination, in the order in which it was chosen."""

    __tablename__ = "recipients"
    __table_args__ = (Index(None, "workspace_id", "target"),)

    destination_id: Mapped[str] = mapped_column(Id, ForeignKey("destinations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    target: Mapped[str] = mapped_column(String(255), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    position: Mapped[int]

    @property
    def to(self) -> To:
        """Say who it is."""
        return To(RecipientKind(self.kind), self.target)


async def of_destinations(session: AsyncSession, destination_ids: Sequence[str]) -> dict[str, list[Recipient]]:
    """Give the recipients of several destinations, by the destination's id."""
    found: dict[str, list[Recipient]] = {destination_id: [] for destination_id in destination_ids}
    query = select(Recipient).where(Recipient.destination_id.in_(destination_ids)).order_by(Recipient.position)
    for recipient in await session.scalars(query):
        found[recipient.destination_id].append(recipient)
    return found


def reaches(user_id: str) -> ColumnElement[bool]:
    """Say in SQL whether a recipient is a person, or a group DM that they are in."""
    people = literal(_SEPARATOR).concat(Recipient.target).concat(_SEPARATOR)
    is_in_group = people.contains(f"{_SEPARATOR}{user_id}{_SEPARATOR}", autoescape=True)
    return or_(
        and_(Recipient.kind == RecipientKind.PERSON, Recipient.target == user_id),
        and_(Recipient.kind == RecipientKind.GROUP_DM, is_in_group),
    )


async def people(session: AsyncSession, workspace_id: str) -> set[str]:
    """Give the user ids of all whom a workspace's destinations reach by themselves."""
    query = select(Recipient).where(Recipient.workspace_id == workspace_id, Recipient.kind.in_(IN_PERSON))
    return {user_id for one in await session.scalars(query) for user_id in one.to.user_ids}


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
