"""Recounting: the movements of accounts whose subscriptions came in, whose rules changed, or whose time has come."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import history, lane, subscription, workspace
from models.database import Database
from scheduler import recap
from scheduler.corrections import mark_corrected
from scheduler.match import match_corrections, match_movements

BATCH = 200
"""Few enough that on SQLite, where one writer writes at a time, nobody who presses a button waits long for it."""
LARGE_BATCH = 2000
"""The same where a person waits for all of it."""

REST = 0.05
"""Seconds until we look again whether another worker has done it."""


async def recount_due(database: Database, *, now: datetime) -> int:
    """Recount some accounts of each workspace that has any due; say how many."""
    async with database.read() as session:
        workspaces = await subscription.workspaces_due(session, now=now)
    return sum([await recount_some(database, workspace_id, now=now) for workspace_id in workspaces])


async def recount_some(database: Database, workspace_id: str, *, now: datetime, limit: int = BATCH) -> int:
    """Recount accounts of a workspace that are due, and owe what is news; 0 too while another worker is at it."""
    return await database.transact(partial(_recount_some, workspace_id=workspace_id, now=now, limit=limit))


async def _recount_some(session: AsyncSession, *, workspace_id: str, now: datetime, limit: int) -> int:
    if not await workspace.hold(session, [workspace_id]):
        return 0
    account_ids = await subscription.due(session, workspace_id, now=now, limit=limit)
    came = await subscription.recount(session, workspace_id, account_ids, now=now)
    if came.history_since is not None:
        await history.came(session, {workspace_id: came.history_since}, now=now)
    owed = await match_movements(session, came.news)
    owed += await match_corrections(session, {workspace_id: came.restated}, now=now)
    if owed:
        await lane.owe_together(session, owed, now=now)
        await mark_corrected(session, owed, now=now)
    await recap.correct(session, came.news, [workspace_id] if came.restated else [], now=now)
    return len(account_ids)


async def recount_all_due(
    database: Database, workspace_id: str, *, now: datetime, counted: Callable[[int], None] = lambda _number: None
) -> None:
    """Recount until nothing of a workspace is due, and say each time how many accounts it were."""
    while True:
        number = await recount_some(database, workspace_id, now=now, limit=LARGE_BATCH)
        if number:
            counted(number)
        elif await _is_any_due(database, workspace_id, now=now):
            await asyncio.sleep(REST)  # Another worker is at it, and needs the time that asking again takes.
        else:
            return


async def _is_any_due(database: Database, workspace_id: str, *, now: datetime) -> bool:
    async with database.read() as session:
        return bool(await subscription.due(session, workspace_id, now=now, limit=1))
