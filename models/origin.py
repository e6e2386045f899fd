"""Origin: which sources spoke of an account or contact, and so what goes with a source that is removed.

An account or contact that one source alone spoke of goes with it. What others spoke of too stays, without the
movements and signals that the removed one told. Events stay, as they are counted, and are emptied of what they said.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import lane, movement, record, subscription, total, workspace
from models.account import Account
from models.account_alias import AccountAlias
from models.base import UNSEEN, among
from models.contact import Contact
from models.delivery import UNSENT, Delivery, DeliveryState, FactKind, SkipReason, is_open
from models.event import Event, EventState
from models.lane import Lane
from models.movement import Movement
from models.role import Role
from models.signal import Signal
from models.source import Source
from models.subscription import Recount, Subscription

GONE = "Its source was removed before it was applied."


def told_by(about: Account | Contact, *source_ids: str) -> None:
    """Note that sources spoke of an account or contact."""
    known = set((about.told_by or "").split())
    if not known.issuperset(source_ids):
        about.told_by = " ".join(sorted({*known, *source_ids}))


async def empty(session: AsyncSession, source: Source, *, after: str, limit: int, now: datetime) -> str | None:
    """Empty some events of a removed source, in the order of their keys; give the last key, or None after the end.

    What was not applied is refused, so that each event is still accounted for.
    """
    query = select(Event).where(Event.source_id == source.id, Event.dedupe_key > after).order_by(Event.dedupe_key)
    events = list(await session.scalars(query.limit(limit).with_for_update()))
    await _skip(session, source, FactKind.TRACK, [str(one.id) for one in events], now=now)
    for one in events:
        one.facts, one.raw, one.held_at = [], None, None
        if one.state == EventState.WAITING:
            one.state, one.refused_field, one.refused_because, one.applied_at = EventState.REFUSED, "", GONE, now
    return events[-1].dedupe_key if events else None


async def forget(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> bool:
    """Delete some of what only a removed source brought; False where nothing is left.

    The order matters: an account can go only once nothing stands at it any more.
    """
    for part in (_records, _subscriptions, _movements, _signals, _contacts, _accounts):
        if await part(session, source, limit=limit, now=now):
            return True
    return False


async def _records(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:
    return await record.forget(session, source.workspace_id, source.id, limit=limit, now=now)


async def _subscriptions(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:
    return await subscription.forget(session, source.workspace_id, source.id, limit=limit, now=now)


async def _movements(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:
    theirs = select(Movement).where(Movement.source_id == source.id)
    gone = list(await session.scalars(theirs.order_by(Movement.external_id).limit(limit)))
    await _skip(session, source, FactKind.MOVEMENT, [one.id for one in gone], now=now)
    await movement.remove(session, gone, now=now)
    await total.add_up_again(session, {one.account_id for one in gone}, now=now)
    await subscription.recount_all(session, source.workspace_id, of={one.account_id for one in gone}, now=now)
    return len(gone)


async def _signals(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:
    ids = list(await session.scalars(select(Signal.id).where(Signal.source_id == source.id).limit(limit)))
    for kind in (FactKind.SIGNAL, FactKind.UNHEARD):
        await _skip(session, source, kind, ids, now=now)
    return await _delete(session, Signal, ids)


async def _contacts(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:  # noqa: ARG001 - alike
    return await _delete(session, Contact, await _held(session, Contact, limit, *_alone(Contact, source)))


async def _accounts(session: AsyncSession, source: Source, *, limit: int, now: datetime) -> int:
    """Delete accounts whose rows are held first: nothing can come to stand at one of them from then on."""
    await workspace.hold_in_turn(session, source.workspace_id)
    stands = (exists().where(table.account_id == Account.id) for table in (Movement, Signal, Contact, Subscription))
    bare = (*_alone(Account, source), *(~one for one in stands))
    ids = await _held(session, Account, limit, *bare)
    ids = list(await session.scalars(select(Account.id).where(among(Account.id, ids), *bare)))
    await record.part(session, source.workspace_id, ids, now=now)
    for table in (Role, Recount, AccountAlias):
        await session.execute(delete(table).where(among(table.account_id, ids)), execution_options=UNSEEN)
    return await _delete(session, Account, ids)


def _alone(table: type[Account] | type[Contact], source: Source) -> tuple[Any, ...]:
    return table.workspace_id == source.workspace_id, table.told_by == source.id


async def _held(session: AsyncSession, table: Any, limit: int, *which: Any) -> list[str]:
    query = select(table.id).where(*which).order_by(table.id).limit(limit)
    return list(await session.scalars(query.with_for_update()))


async def _delete(session: AsyncSession, table: Any, ids: Sequence[str]) -> int:
    await session.execute(delete(table).where(among(table.id, ids)), execution_options=UNSEEN)
    return len(ids)


async def _skip(
    session: AsyncSession, source: Source, kind: FactKind, fact_ids: Sequence[str], *, now: datetime
) -> None:
    """Say in the ledger that messages about these facts are not wanted any more, where they were not sent yet.

    What had been merged into one of them is told by itself again.
    """
    theirs = select(Lane.id).where(Lane.workspace_id == source.workspace_id)
    unsent = (
        Delivery.lane_id.in_(theirs),
        is_open(),
        Delivery.state.in_(UNSENT),
        Delivery.fact_kind == kind,
        among(Delivery.fact_id, fact_ids),
    )
    lanes = (await session.scalars(select(Delivery.lane_id).where(*unsent).distinct())).all()
    if not lanes:
        return
    await lane.hold(session, lanes)
    skipped = {"state": DeliveryState.SKIPPED, "reason": SkipReason.DELETED, "fix": None, "settled_at": now}
    statement = update(Delivery).where(*unsent).values(skipped).returning(Delivery.id)
    ids = list(await session.scalars(statement, execution_options=UNSEEN))
    merged = (Delivery.workspace_id == source.workspace_id, among(Delivery.coalesced_into, ids))
    again = {"state": DeliveryState.PENDING, "coalesced_into": None, "settled_at": None}
    await session.execute(update(Delivery).where(*merged).values(again), execution_options=UNSEEN)
