"""An edit: that a posted message is brought up to date, drawn anew from what is known by then.

Edits are no news to anybody: a message is drawn whenever its turn comes, so that of several edits that wait, one is
enough. A message has one row for them, which is owed again and again; asked for while it is under way, it is owed once
more. All edits of a workspace share one lane, whose pace is the budget that Slack gives for them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, false, literal_column, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import lane
from models.base import UNSEEN, among, insert
from models.delivery import (
    RUNRATE,
    UPDATE,
    Delivery,
    DeliveryState,
    FactKind,
    MessageEnd,
    Owed,
    is_open,
)

UNDER_WAY = (DeliveryState.SENDING, DeliveryState.AMBIGUOUS)
"""What was drawn already, and perhaps before what is to be seen in it now."""


async def ask(session: AsyncSession, workspace_id: str, delivery_ids: Collection[str], *, now: datetime) -> int:
    """Have the messages of these deliveries brought up to date, as far as they stand; say how many do.

    What is not sent yet needs no edit. It holds the lane of the workspace's updates, and so comes last in its
    transaction.
    """
    if not delivery_ids:
        return 0
    theirs = (Delivery.workspace_id == workspace_id, among(Delivery.id, delivery_ids))
    drawn = select(Delivery).where(*theirs, may_change())
    edited = (await session.scalars(drawn.order_by(Delivery.id))).all()
    if edited:
        lane_id = await lane.hold_for_updates(session, workspace_id, now=now)
        await _owe(session, [_owed(one).row(workspace_id, lane_id, now=now) for one in edited])
    return len(edited)


def may_change() -> ColumnElement[bool]:
    """Say in SQL whether a delivery has a message that can be brought up to date, or is just about to have one."""
    stands = and_(Delivery.state == DeliveryState.DELIVERED, Delivery.message_ts.is_not(None))
    return and_(or_(stands, _is_under_way()), Delivery.message_end.is_(None))


def _owed(posted: Delivery) -> Owed:
    recipient = (posted.recipient_kind, posted.target)
    return Owed(asked_by=RUNRATE, fact=(FactKind.EDIT, posted.id), recipient=recipient, method=UPDATE)


async def _owe(session: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    """Write edits down, or owe them again. One that waits still will be drawn later, and is left alone."""
    statement = insert(session, Delivery)
    is_settled = ~is_open()
    again = {
        name: case((is_settled, statement.excluded[name]), else_=getattr(Delivery, name))
        for name in ("lane_id", "state", "reason", "attempts", "due_at", "created_at", "settled_at")
    }
    statement = statement.on_conflict_do_update(
        index_elements=["asked_by", "fact_kind", "fact_id", "target"],
        set_={**again, "fix": null(), "is_asked_again": _is_under_way()},
    )
    await (await session.connection()).execute(statement, rows)


def _is_under_way() -> ColumnElement[bool]:
    """Say so in SQL, without parameters: many rows may be written at once."""
    return or_(*(Delivery.state == literal_column(f"'{state}'") for state in UNDER_WAY))


async def owe_again(session: AsyncSession, edit_id: str, *, now: datetime) -> None:
    """Owe an edit once more that was asked for while it was under way. The caller holds its lane."""
    statement = update(Delivery).where(Delivery.id == edit_id, Delivery.is_asked_again, ~is_open())
    values = {"state": DeliveryState.PENDING, "due_at": now, "settled_at": None, "reason": None, "attempts": 0}
    await session.execute(statement.values(**values, is_asked_again=false()), execution_options=UNSEEN)


async def end(session: AsyncSession, workspace_id: str, delivery_id: str, how: MessageEnd) -> None:
    """Note that the message of a delivery can't be brought up to date any more."""
    statement = update(Delivery).where(Delivery.workspace_id == workspace_id, Delivery.id == delivery_id)
    await session.execute(statement.values(message_end=how), execution_options=UNSEEN)
