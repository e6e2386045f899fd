"""Making recaps: of each destination whose time has come the newest is owed, and what was missed before it is stale."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, lane, recap, recipient
from models.database import Database, is_passing
from models.delivery import FactKind, Owed, SkipReason
from models.destination import Destination
from models.recipient import Recipient

log = structlog.get_logger()

BATCH = 20
MOST_MISSED = 366
"""As many missed recaps as the ledger names; of a longer time without us only the newest are."""


async def make_due(database: Database, *, now: datetime, limit: int = BATCH) -> int:
    """Make the recaps of some destinations that are due, and say of how many they were made.

    A destination's row is held from the look at its `next_run_at` until that has moved on, so that any number of clocks
    may tick at once; and a recap and its deliveries are unique, should the row have been moved back.
    """
    async with database.write() as session:
        due = await destination.claim_due(session, now=now, limit=limit)
        recipients = await recipient.of_destinations(session, [one.id for one in due])
        made = [await _make_alone(session, one, recipients[one.id], now=now) for one in due]
        return sum(made)


async def _make_alone(session: AsyncSession, due: Destination, to: list[Recipient], *, now: datetime) -> bool:
    """Make one destination's recaps in a savepoint; one that can't be made stays due, and holds up no other."""
    destination_id, workspace_id = due.id, due.workspace_id
    try:
        async with session.begin_nested():
            await _make(session, due, to, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("recap_not_made", destination_id=destination_id, workspace_id=workspace_id)
        return False
    return True


async def _make(session: AsyncSession, due: Destination, to: list[Recipient], *, now: datetime) -> None:
    schedule, first = due.schedule, due.next_run_at
    if schedule is None or first is None:
        due.next_run_at = None
        return
    *missed, newest = [first, *schedule.runs_between(first, now)]
    for run in missed[-MOST_MISSED:]:
        await _owe(session, due, run, to, skipped=SkipReason.STALE, now=now)
    await _owe(session, due, newest, to, skipped=None, now=now)
    due.next_run_at = schedule.next_after(now)
    await session.flush()


async def _owe(
    session: AsyncSession,
    due: Destination,
    run: datetime,
    recipients: list[Recipient],
    *,
    skipped: SkipReason | None,
    now: datetime,
) -> None:
    """Make the recap of a run and owe it to every recipient, or say in the ledger that it was missed."""
    recap_id = await recap.make(session, due, run, now=now)
    if recap_id is None:
        return
    owed = [
        Owed(asked_by=due.id, fact=(FactKind.RECAP, recap_id), recipient=(to.kind, to.target), skipped=skipped)
        for to in recipients
    ]
    await lane.owe(session, due.workspace_id, owed, now=now)
