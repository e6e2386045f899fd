"""From a delivery to its message: load the fact that the row names, and draw it as it is now."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import attribute, movement, recipient, source, workspace
from models.delivery import Delivery, FactKind, SkipReason
from models.destination import Destination
from models.fact import MovementKind
from models.recipient import RecipientKind
from scheduler.messages.message import Message
from scheduler.messages.movement import MovementMessage, draw


async def draw_delivery(session: AsyncSession, owed: Delivery, *, now: datetime) -> Message | SkipReason:
    """Draw what a delivery tells, or say why there is nothing to tell any more."""
    match FactKind(owed.fact_kind):
        case FactKind.MOVEMENT:
            return await _draw_movement(session, owed, now=now)


async def _draw_movement(session: AsyncSession, owed: Delivery, *, now: datetime) -> Message | SkipReason:
    destination = await session.get(Destination, owed.destination_id)
    found = await movement.get(session, owed.workspace_id, owed.fact_id)
    tenant = await workspace.get(session, owed.workspace_id)
    if destination is None or found is None or tenant is None or not await _is_wanted(session, owed):
        return SkipReason.DELETED
    moved, account = found
    sources = await source.names(session, owed.workspace_id)
    shown = tuple((attribute.label(key), account.attributes.get(key)) for key in destination.attributes)
    return draw(
        MovementMessage(
            account_name=account.display_name,
            account_url=moved.url or account.url,
            kind=MovementKind(moved.kind),
            amount_minor=moved.amount_minor,
            currency=moved.currency,
            before_minor=moved.mrr_before_minor,
            after_minor=moved.mrr_after_minor,
            plan=moved.plan,
            plan_before=moved.plan_before,
            description=moved.description,
            attributes=shown,
            occurred_at=moved.occurred_at,
            told_at=now,
            source_name=sources.get(moved.source_id, "a removed source"),
            destination_name=destination.name,
            channel_id=owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None,
            locale=tenant.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


async def _is_wanted(session: AsyncSession, owed: Delivery) -> bool:
    """Say whether the destination still has the recipient: it may have changed while the delivery was being made."""
    return await recipient.is_chosen(session, owed.destination_id, owed.recipient_kind, owed.target)
