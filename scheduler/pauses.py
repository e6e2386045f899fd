"""Making up, once a destination's pause has ended by itself, for what its messages did not say meanwhile."""

from datetime import datetime, timedelta

from models import destination, edit
from models.database import Database

RECENT = timedelta(hours=1)
"""How long ago a pause may have ended: nobody was away for longer, or what was posted has been looked at."""


async def make_up(database: Database, *, now: datetime) -> None:
    """Have brought up to date what was corrected during pauses that are over."""
    async with database.read() as session:
        over = await destination.pauses_over(session, since=now - RECENT, now=now)
    for one in over:
        async with database.write() as session:
            missed = await edit.missed(session, one.workspace_id, one.id, since=one.paused_at or now)
            await edit.ask(session, one.workspace_id, missed, now=now)
