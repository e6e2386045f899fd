"""The ledger as the local Slack's chaos panel shows it: the worker, what is owed by state, the newest deliveries."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.sandbox.reading import Reading, Row
from handlers.views.deliveries import capitalised, words
from models import channel, delivery, lane, ledger, person
from models.delivery import OPEN, Delivery, DeliveryState
from models.recipient import RecipientKind, To

NEWEST = 10
LONG = 120
"""Seconds from which on a time is told in minutes."""
HEADINGS = ("Owed at", "What", "To", "State", "Tries", "Last answer or reason")


async def read(session: AsyncSession, workspace_id: str, *, worker: str | None, now: datetime) -> Reading:
    """Read the ledger; `worker` is the name of the worker that runs."""
    return Reading(
        sentences=tuple(await _leases_left(session, workspace_id, worker, now=now)),
        figures=await _figures(session, workspace_id, now=now),
        headings=HEADINGS,
        rows=tuple(
            [await _row(session, one) for one in await delivery.of_workspace(session, workspace_id, limit=NEWEST)]
        ),
    )


async def _leases_left(session: AsyncSession, workspace_id: str, worker: str | None, *, now: datetime) -> list[str]:
    """Say which lanes are still held by a worker that is no more, and for how long."""
    held = [one for one in await lane.leased(session, workspace_id, now=now) if one.owner != worker]
    return [
        f"What goes to {await _place(session, workspace_id, one.target)} is held by the killed worker's lease "
        f"for another {_seconds(one.lease_until - now if one.lease_until else timedelta())}."
        for one in held
    ]


async def _figures(session: AsyncSession, workspace_id: str, *, now: datetime) -> tuple[tuple[str, str], ...]:
    counts = await delivery.count_by_state(session, workspace_id)
    oldest = await ledger.oldest_open(session, workspace_id, now=now)
    return (
        ("owed", f"{sum(counts.values()):,}"),
        *((state.value, f"{number:,}") for state, number in counts.items()),
        ("oldest open", _seconds(now - oldest) if oldest else "–"),
    )


async def _row(session: AsyncSession, one: Delivery) -> Row:
    attempts = await delivery.attempts_of(session, one.id)
    answer = one.reason or (attempts[-1].answer if attempts else "")
    state = f"{one.state}, may be a repeat" if one.may_be_repeat else str(one.state)
    what = capitalised(words(await ledger.told(session, one)))
    cells = (one.created_at, what, await _to(session, one), state, str(one.attempts), answer)
    return Row(one.id, cells, "bad" if one.state == DeliveryState.FAILED else "open" if one.state in OPEN else "")


async def _to(session: AsyncSession, one: Delivery) -> str:
    to = To(RecipientKind(one.recipient_kind), one.target)
    if to.user_ids:
        return to.called(await person.names(session, one.workspace_id))
    return await _place(session, one.workspace_id, one.target)


async def _place(session: AsyncSession, workspace_id: str, target: str) -> str:
    if target == workspace_id:
        return "messages that are brought up to date"
    known = await channel.get(session, workspace_id, target)
    return f"#{known.name}" if known else target


def _seconds(time: timedelta) -> str:
    """Write a short time: `42 s`, `3 min`."""
    seconds = max(int(time.total_seconds()), 0)
    return f"{seconds} s" if seconds < LONG else f"{seconds // 60:,} min"
