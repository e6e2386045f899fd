"""A personal recap: the daily, weekly or monthly one that somebody asked for themselves, by direct message.

It is a destination of their own: it stands in no list of the workspace's, and nobody else changes it. It keeps to the
clocks where they are, and ends when they leave or become a guest.
"""

from datetime import datetime, time

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import destination
from models.destination import Destination
from models.person import Person
from models.recipient import RecipientKind
from models.schedule import NINE
from models.wish import Frequency, Wish

NAMES = {
    Frequency.DAILY: "Your daily recap",
    Frequency.WEEKLY: "Your weekly recap",
    Frequency.MONTHLY: "Your monthly recap",
}


async def of_person(session: AsyncSession, workspace_id: str, user_id: str) -> Destination | None:
    """Give a person's own recap, if they have one."""
    query = select(Destination).where(
        Destination.workspace_id == workspace_id,
        Destination.personal_to == user_id,
        Destination.deleted_at.is_(None),
    )
    found: Destination | None = await session.scalar(query)
    return found


async def choose(
    session: AsyncSession,
    asking: Person,
    *,
    frequency: Frequency = Frequency.DAILY,
    at: time = NINE,
    now: datetime,
) -> Destination:
    """Give a full member a recap of their own, or another in the place of the one that they have."""
    # Of two presses at the same instant the second one finds what the first one made.
    await session.get(Person, (asking.workspace_id, asking.user_id), with_for_update=True)
    found = await of_person(session, asking.workspace_id, asking.user_id)
    wish = _wish(asking, frequency, at)
    if found is None:
        by = asking.user_id
        return await destination.create(session, asking.workspace_id, wish, by=by, now=now, personal_to=by)
    await destination.edit(session, found, wish, by=asking.user_id, now=now)
    return found


async def stop(session: AsyncSession, workspace_id: str, user_id: str, *, now: datetime) -> None:
    """End a person's own recap; what of it is not sent yet is not sent any more."""
    found = await of_person(session, workspace_id, user_id)
    if found is not None:
        await destination.remove(session, found, by=user_id, now=now)


async def follow(session: AsyncSession, changed: Person, *, now: datetime) -> None:
    """Let a person's own recap follow them to another zone, or end with their membership."""
    found = await of_person(session, changed.workspace_id, changed.user_id)
    if found is None:
        return
    if changed.is_guest or changed.is_deactivated:
        await destination.remove(session, found, by=changed.user_id, now=now)
    elif found.zone != changed.zone.key:
        wish = _wish(changed, Frequency(found.frequency), found.at)
        await destination.edit(session, found, wish, by=changed.user_id, now=now)


def _wish(asking: Person, frequency: Frequency, at: time) -> Wish:
    return Wish(
        name=NAMES[frequency],
        recipients=((RecipientKind.PERSON, asking.user_id),),
        frequency=frequency,
        at=at,
        zone=asking.zone.key,
    )
