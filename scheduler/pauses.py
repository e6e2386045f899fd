"""Making up, once a destination's pause is over, for what its messages did not say meanwhile."""

from datetime import datetime

from models import destination, edit
from models.database import Database

AT_ONCE = 500
"""So many messages are asked for in one transaction at most."""


async def make_up(database: Database, *, now: datetime, most: int = AT_ONCE) -> bool:
    """Have brought up to date what was corrected during pauses that are over; say whether there was anything.

    It is found by what the ledger says of it, so that nothing is lost to whoever was away when a pause ended.
    """
    async with database.read() as session:
        missed = await destination.missed_edits(session, most=most, now=now)
    for workspace_id, delivery_ids in sorted(missed.items()):
        async with database.write() as session:
            await edit.ask(session, workspace_id, delivery_ids, now=now)
    return bool(missed)
