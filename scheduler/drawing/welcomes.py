"""Greeting a channel that invited us."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery, SkipReason
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import welcome as welcome_message

WELCOME_KEPT = timedelta(minutes=1)
"""A welcome that can't be posted within this time is out of place."""


async def load_welcomes(_session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, str]:
    """Give the channels."""
    return {one.id: one.target for one in owed}


def draw_welcome(owed: Delivery, channel_id: str, setting: Setting) -> Drawn:
    """Greet, while the invitation is news."""
    is_late = setting.now - owed.created_at > WELCOME_KEPT
    return SkipReason.STALE if is_late else welcome_message.draw(channel_id)
