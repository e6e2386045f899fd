"""The welcome: one message in a channel that our bot was invited to, whichever of Slack's events tells of it first.

And one to whoever opens our conversation while it is empty: nobody gets it who hasn't looked for it.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, delivery, lane
from models.delivery import RUNRATE, FactKind, Owed
from models.recipient import RecipientKind

TOGETHER = timedelta(minutes=1)
"""A mention and the invitation that it led to arrive within this time of each other."""


async def owe(session: AsyncSession, workspace_id: str, channel_id: str, *, now: datetime) -> bool:
    """Owe a channel its welcome; False where it was owed longer ago, since our bot was last invited."""
    times_left = await channel.times_left(session, workspace_id, channel_id)
    owed = Owed(
        asked_by=RUNRATE,
        fact=(FactKind.WELCOME, f"{channel_id}#{times_left}"),
        recipient=(RecipientKind.CHANNEL, channel_id),
    )
    is_new = await lane.owe(session, workspace_id, [owed], now=now) > 0
    return is_new or await delivery.was_owed(
        session, workspace_id, FactKind.WELCOME, target=channel_id, since=now - TOGETHER
    )


async def owe_person(session: AsyncSession, workspace_id: str, user_id: str, *, now: datetime) -> None:
    """Owe a person the word on what comes to them, unless anything was ever owed to them."""
    if not await lane.is_known(session, workspace_id, user_id):
        owed = Owed(asked_by=RUNRATE, fact=(FactKind.WELCOME, user_id), recipient=(RecipientKind.PERSON, user_id))
        await lane.owe(session, workspace_id, [owed], now=now)
