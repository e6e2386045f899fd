"""Making recaps: of each destination whose time has come the newest is owed, and what was missed before it is stale.

While a destination is paused its schedule goes on, and what falls due is owed as skipped. A recap that was told is
corrected in its place when a movement arrives late, or is restated, and once history is in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, edit, history, lane, late, recap, recipient, subscription
from models.database import Database, is_passing
from models.delivery import FactKind, Owed, SkipReason
from models.destination import Destination
from models.movement import Movement
from models.recipient import Recipient

log = structlog.get_logger()

Recipients = Mapping[str, Sequence[Recipient]]

BATCH = 100
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
        return await _make_apart(session, due, recipients, now=now)


async def _make_apart(
    session: AsyncSession, due: Sequence[Destination], recipients: Recipients, *, now: datetime
) -> int:
    """Make recaps together; where that fails those of each half alone. What can't be made stays due."""
    error = await _try(session, due, recipients, now=now)
    if error is None:
        return len(due)
    if len(due) == 1:
        log.error("recap_not_made", destination_id=due[0].id, workspace_id=due[0].workspace_id, exc_info=error)
        return 0
    half = len(due) // 2
    return sum([await _make_apart(session, one, recipients, now=now) for one in (due[:half], due[half:])])


async def _try(
    session: AsyncSession, due: Sequence[Destination], recipients: Recipients, *, now: datetime
) -> Exception | None:
    """Make recaps in a savepoint; give what stood in the way."""
    try:
        async with session.begin_nested():
            await _make(session, due, recipients, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        return error
    return None


async def _make(session: AsyncSession, due: Sequence[Destination], recipients: Recipients, *, now: datetime) -> None:
    """Make the recaps of these runs, owe the newest of each destination, and say in the ledger which were missed."""
    runs = [(one, run, skipped) for one in due for run, skipped in _runs(one, now=now)]
    made = await recap.make(session, [(one, run) for one, run, _ in runs], now=now)
    owed: dict[str, list[Owed]] = {}
    for one, run, skipped in runs:
        if (one.id, run) in made:
            fact = (FactKind.RECAP, made[one.id, run])
            owed.setdefault(one.workspace_id, []).extend(
                Owed(asked_by=one.id, fact=fact, recipient=to.to, skipped=skipped) for to in recipients[one.id]
            )
    for workspace_id, messages in owed.items():
        await lane.owe(session, workspace_id, messages, now=now)
    await destination.move_on(session, {one.id: one.schedule.next_after(now) if one.schedule else None for one in due})


async def correct(
    session: AsyncSession, moved: Sequence[Movement], restated: Sequence[str] = (), *, now: datetime
) -> None:
    """Have the recaps corrected that told sums which are others now, because of late movements, or restated ones.

    `restated` are workspaces of which some may just have been. It comes last in its transaction.
    """
    changed = await subscription.first_restated(session, restated, at=now) if restated else {}
    for one in moved:
        changed[one.workspace_id] = min(one.occurred_at, changed.get(one.workspace_id, one.occurred_at))
    for workspace_id, delivery_ids in sorted((await late.outdated(session, changed, now=now)).items()):
        await edit.ask(session, workspace_id, delivery_ids, now=now)


async def correct_by_history(database: Database, *, now: datetime) -> None:
    """Have the recaps corrected whose sums are others by history: once for all of it, when it is in."""
    async with database.read() as session:
        workspace_ids = await history.workspaces_in(session, now=now)
    for workspace_id in workspace_ids:
        async with database.write() as session:
            await _correct_by_history(session, workspace_id, now=now)


async def _correct_by_history(session: AsyncSession, workspace_id: str, *, now: datetime) -> None:
    taken = await history.take(session, workspace_id, now=now)
    if taken is None:
        return
    since, at = taken
    await late.note_history(session, workspace_id, since=since, at=at, now=now)
    outdated = await late.outdated(session, {workspace_id: since}, now=now)
    await edit.ask(session, workspace_id, outdated.get(workspace_id, ()), now=now)


def _runs(due: Destination, *, now: datetime) -> list[tuple[datetime, SkipReason | None]]:
    """List a destination's runs since it was due, each with why it is not told: missed, or paused then or by now."""
    schedule, first = due.schedule, due.next_run_at
    if schedule is None or first is None:
        return []
    *missed, newest = [first, *schedule.runs_between(first, now)]
    told = SkipReason.PAUSED if due.is_paused(now) else None
    runs = [*((run, SkipReason.STALE) for run in missed[-MOST_MISSED:]), (newest, told)]
    return [(run, SkipReason.PAUSED if due.is_paused(run) else skipped) for run, skipped in runs]
