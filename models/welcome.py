"""The welcome: one message in a channel that our bot was invited to, whichever of Slack's events tells of it first."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, delivery, lane
from models.database import wake
from models.delivery import RUNRATE, FactKind
from models.recipient import RecipientKind
from models.wakeup import Topic

TOGETHER = timedelta(minutes=1)
"""A mention and the invitation that it led to arrive within this time of each other."""


async def owe(session: AsyncSession, workspace_id: str, channel_id: str, *, now: datetime) -> bool:
    """Owe a channel its welcome; False where it was owed longer ago, since our bot was last invited."""
    lane_id = await lane.find_or_make(session, workspace_id, delivery.POST, channel_id, now=now)
    times_left = await channel.times_left(session, workspace_id, channel_id)
    is_new = await delivery.owe(
        session,
        workspace_id=workspace_id,
        lane_id=lane_id,
        asked_by=RUNRATE,
        fact=(FactKind.WELCOME, f"{channel_id}#{times_left}"),
        recipient=(RecipientKind.CHANNEL, channel_id),
        now=now,
    )
    wake(session, Topic.DELIVERIES)
    return is_new or await delivery.was_owed(
        session, workspace_id, FactKind.WELCOME, target=channel_id, since=now - TOGETHER
    )
