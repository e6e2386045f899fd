"""Telling whoever was told of a movement that it is another than it was, or is no more.

That is said in the thread of its message; of many at once, in one message of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import account, delivery, merge, movement, subscription
from models.account import Account
from models.delivery import Delivery, DeliveryState, SkipReason
from models.fact import MovementKind
from models.merge import Corrections
from models.movement import Movement
from models.recipient import RecipientKind
from models.subscription import Restatement
from scheduler.drawing.hearing import Hearing, find_hearings
from scheduler.drawing.telling import Setting, channel_of
from scheduler.messages import correction as drawing
from scheduler.messages.correction import CorrectionMessage, MergedCorrections
from scheduler.messages.message import Message
from scheduler.places import hold_back


@dataclass(frozen=True, kw_only=True)
class ToldCorrection:
    """A restatement on its way to whoever was told; no movement where there is none any more."""

    restated: Restatement
    about: Account
    moved: Movement | None
    to: Hearing
    was_told: bool


@dataclass(frozen=True, kw_only=True)
class ToldCorrections:
    """Many corrections on their way in one message; None where nothing was told that isn't so."""

    merged: Corrections | None
    to: Hearing


async def load_corrections(
    session: AsyncSession, owed: Sequence[Delivery], _setting: Setting
) -> dict[str, ToldCorrection | ToldCorrections]:
    """Find what was restated, for destinations that still have the recipient."""
    hearing = await find_hearings(session, owed)
    merged = await merge.corrections(session, [one for one in owed if one.id in hearing])
    told: dict[str, ToldCorrection | ToldCorrections] = {
        key: ToldCorrections(merged=several, to=hearing[key]) for key, several in merged.items()
    }
    singly = [one for one in owed if one.id in hearing and one.id not in merged]
    found = await subscription.restatements(session, {one.fact_id for one in singly})
    moved = await movement.many(session, {one.movement_id for one in found.values()})
    for one in singly:
        restated = found.get((one.workspace_id, one.fact_id))
        about = await account.get(session, one.workspace_id, restated.account_id) if restated is not None else None
        if restated is not None and about is not None:
            now = moved.get((one.workspace_id, restated.movement_id))
            told[one.id] = ToldCorrection(
                restated=restated,
                about=about,
                moved=now[0] if now is not None else None,
                to=hearing[one.id],
                was_told=await _stands(session, one),
            )
    return told


async def _stands(session: AsyncSession, owed: Delivery) -> bool:
    """Say whether the message arrived in whose thread a correction is to stand."""
    told = await delivery.get(session, owed.workspace_id, owed.replies_to or "")
    return told.state == DeliveryState.DELIVERED


def draw_correction(owed: Delivery, told: ToldCorrection | ToldCorrections, setting: Setting) -> Message | SkipReason:
    """Draw the reply, or what many come to; there is none where the message itself never arrived."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    is_empty = told.merged is None if isinstance(told, ToldCorrections) else not told.was_told
    if is_empty:
        return SkipReason.EMPTY
    hold_back(told.to.because)
    return _draw_merged(owed, told) if isinstance(told, ToldCorrections) else _draw_one(owed, told)


def _draw_merged(owed: Delivery, told: ToldCorrections) -> Message:
    assert told.merged is not None  # noqa: S101 - there is something to tell
    return drawing.draw_merged(
        MergedCorrections(
            corrections=told.merged,
            destination_name=told.to.destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


def _draw_one(owed: Delivery, told: ToldCorrection) -> Message:
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
            destination_name=told.to.destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )
