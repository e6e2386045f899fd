"""Forgetting: what only a removed source brought is deleted, a little at a time, where its manager asked for that."""

from datetime import datetime, timedelta

import structlog

from models import origin, source
from models.database import Database
from models.source import Source

log = structlog.get_logger()

BATCH = 500
SETTLED = timedelta(minutes=1)
"""After a removal an event may come in still: which source a key opens is remembered for a second."""


async def forget_removed(database: Database, *, now: datetime, limit: int = BATCH) -> None:
    """Delete what removed sources brought. It may be stopped at any point, and goes on the next time."""
    async with database.read() as session:
        forgotten = await source.forgotten(session)
    for one in forgotten:
        await _forget(database, one, now=now, limit=limit)
        if one.removed_at is not None and now - one.removed_at >= SETTLED:
            async with database.write() as session:
                await source.forgot(session, one.id)
            log.info("source_forgotten", source_id=one.id, workspace_id=one.workspace_id)


async def _forget(database: Database, removed: Source, *, now: datetime, limit: int) -> None:
    after: str | None = ""
    while after is not None:
        async with database.write() as session:
            after = await origin.empty(session, removed, after=after, limit=limit, now=now)
    is_left = True
    while is_left:
        async with database.write() as session:
            is_left = await origin.forget(session, removed, limit=limit, now=now)
