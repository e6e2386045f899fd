"""Greeting a channel that invited us, and a person who opens our conversation for the first time."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, person, source
from models.delivery import Delivery, SkipReason
from models.recipient import RecipientKind
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import welcome as welcome_message
from scheduler.messages.welcome import Newcomer

WELCOME_KEPT = timedelta(minutes=1)
"""A welcome that can't be posted within this time is out of place."""


async def load_welcomes(
    session: AsyncSession, owed: Sequence[Delivery], _setting: Setting
) -> dict[str, str | Newcomer]:
    """Give the channels, and what is known of the people."""
    to_people = [one for one in owed if one.recipient_kind == RecipientKind.PERSON]
    return {one.id: one.target for one in owed} | {one.id: await _newcomer(session, one) for one in to_people}


async def _newcomer(session: AsyncSession, owed: Delivery) -> Newcomer:
    known = await person.get(session, owed.workspace_id, owed.target)
    _, destinations = await destination.page(session, owed.workspace_id, limit=1)
    return Newcomer(
        is_manager=known is not None and await person.is_manager(session, known),
        has_source=bool(await source.of_workspace(session, owed.workspace_id)),
        has_destination=destinations > 0,
    )


def draw_welcome(owed: Delivery, here: str | Newcomer, setting: Setting) -> Drawn:
    """Greet, while the invitation is news."""
    if setting.now - owed.created_at > WELCOME_KEPT:
        return SkipReason.STALE
    return welcome_message.draw_for_person(here) if isinstance(here, Newcomer) else welcome_message.draw(here)
