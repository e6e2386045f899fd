"""Telling whoever was told of a movement, in its message's thread, that it is another than it was, or is no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import account, channel, delivery, destination, edit, movement, recipient, subscription, thread, workspace
from models.account import Account
from models.delivery import Delivery, DeliveryState, FactKind, Owed, SkipReason
from models.destination import Destination
from models.fact import MovementKind
from models.movement import Movement
from models.recipient import RecipientKind
from models.subscription import Restatement
from scheduler.messages import correction as drawing
from scheduler.messages.correction import CorrectionMessage
from scheduler.messages.message import Message
from scheduler.places import hold_back_from_outsiders


@dataclass(frozen=True)
class ToldCorrection:
    """A restatement on its way to whoever was told; no movement where there is none any more."""

    restated: Restatement
    about: Account
    moved: Movement | None
    wanting: Destination
    locale: str
    needs_confirmation: bool
    was_told: bool


async def mark_corrected(session: AsyncSession, owed: Sequence[tuple[str, Owed]], *, now: datetime) -> None:
    """Have the messages brought up to date of which corrections tell, and the cards above them.

    It comes last in its transaction.
    """
    marked: dict[str, list[str]] = {}
    for workspace_id, one in owed:
        if one.fact[0] is FactKind.CORRECTION and one.replies_to is not None and one.skipped is None:
            marked.setdefault(workspace_id, []).append(one.replies_to)
    for workspace_id, ids in sorted(marked.items()):
        above = await thread.cards_above(session, workspace_id, ids)
        await edit.ask(session, workspace_id, [*ids, *above], now=now)


async def load_corrections(session: AsyncSession, owed: Sequence[Delivery], _setting: Any) -> dict[str, ToldCorrection]:
    """Find what was restated, for destinations that still have the recipient."""
    found = await subscription.restatements(session, {one.fact_id for one in owed})
    asking = await destination.many(session, {one.asked_by for one in owed})
    chosen = await recipient.chosen(session, {(one.asked_by, one.recipient_kind, one.target) for one in owed})
    unconfirmed = await channel.unconfirmed(session, {(one.workspace_id, one.target) for one in owed})
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    moved = await movement.many(session, {one.movement_id for one in found.values()})
    told = {}
    for one in owed:
        restated = found.get((one.workspace_id, one.fact_id))
        if restated is None or (one.asked_by, one.recipient_kind, one.target) not in chosen:
            continue
        about = await account.get(session, one.workspace_id, restated.account_id)
        if about is not None:
            wanting, now = asking[one.asked_by], moved.get((one.workspace_id, restated.movement_id))
            told[one.id] = ToldCorrection(
                restated=restated,
                about=about,
                moved=now[0] if now is not None else None,
                wanting=wanting,
                locale=wanting.locale or tenants[one.workspace_id].locale,
                needs_confirmation=(one.workspace_id, one.target) in unconfirmed,
                was_told=await _stands(session, one),
            )
    return told


async def _stands(session: AsyncSession, owed: Delivery) -> bool:
    """Say whether the message arrived in whose thread a correction is to stand."""
    told = await delivery.get(session, owed.workspace_id, owed.replies_to or "")
    return told.state == DeliveryState.DELIVERED


def draw_correction(owed: Delivery, told: ToldCorrection, setting: Any) -> Message | SkipReason:
    """Draw the reply; there is none where the message itself never arrived."""
    if told.wanting.is_paused(setting.now):
        return SkipReason.PAUSED
    if not told.was_told:
        return SkipReason.EMPTY
    hold_back_from_outsiders(needs_confirmation=told.needs_confirmation)
    restated = told.restated
    is_newest = told.moved is not None and told.moved.amount_minor == restated.amount_minor
    return drawing.draw(
        CorrectionMessage(
            account_name=told.about.display_name,
            account_url=told.about.url,
            kind_before=MovementKind(restated.kind_before),
            amount_before_minor=restated.amount_before_minor,
            kind=MovementKind(restated.kind) if restated.kind is not None else None,
            amount_minor=restated.amount_minor,
            currency=restated.currency,
            before_minor=told.moved.mrr_before_minor if told.moved is not None and is_newest else None,
            after_minor=told.moved.mrr_after_minor if told.moved is not None and is_newest else None,
            occurred_at=restated.occurred_at,
            corrected_at=restated.restated_at,
            destination_name=told.wanting.name,
            channel_id=owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None,
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )
