"""Retention: what events said is kept for a time, and what was sent of refused ones for a week.

The events themselves stay, emptied: they are counted in what was received, and known when they are sent again.
"""

from datetime import UTC, datetime, timedelta

from models import event, workspace
from models.database import Database
from models.workspace import Workspace

KEPT = timedelta(days=30)
"""How long what events said is kept, where no setting says otherwise."""

BATCH = 1_000
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


async def empty_old_events(database: Database, *, kept: timedelta, now: datetime, limit: int = BATCH) -> None:
    """Empty what is older than that. It may be stopped at any point, and goes on the next time."""
    async with database.read() as session:
        workspaces = await workspace.every(session)
    for tenant in workspaces:
        await _empty(database, tenant, until=now - kept, limit=limit)
    emptied = limit
    while emptied == limit:
        async with database.write() as session:
            emptied = await event.empty_refused(session, until=now - event.REFUSED_KEPT, limit=limit)


async def _empty(database: Database, tenant: Workspace, *, until: datetime, limit: int) -> None:
    """Empty a workspace's events up to an instant, and look at them no more, but for those behind one that waits."""
    since, emptied = tenant.events_emptied_until or BEGINNING, limit
    while emptied == limit:
        async with database.write() as session:
            emptied = await event.empty_old(session, tenant.id, since=since, until=until, limit=limit)
    async with database.write() as session:
        waiting = await event.oldest_waiting(session, tenant.id)
        reached = min(until, waiting or until)
        if reached > since:
            await workspace.events_emptied(session, tenant.id, until=reached)
