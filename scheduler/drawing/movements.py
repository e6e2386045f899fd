"""Telling movements: each by itself, several of one account as one, or all that piled up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import attribute, claim, delivery, merge, movement, report, source, subscription, thread
from models.account import Account
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.fact import MovementKind
from models.merge import Merged
from models.movement import Movement
from models.recipient import RecipientKind
from models.wish import Frequency
from scheduler.drawing.hearing import Hearing, find_hearings, name_source
from scheduler.drawing.telling import Drawn, Setting, channel_of, in_place_of, told_at
from scheduler.holders import NOBODY, Named, name_holders
from scheduler.messages import merged as merged_message
from scheduler.messages.merged import MergedMessage
from scheduler.messages.message import Message, Unaddressed
from scheduler.messages.movement import MovementMessage
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldMovement:
    """A movement on its way to a destination."""

    moved: Movement
    account: Account
    to: Hearing
    source_name: str
    merged: Merged | None = None
    """What piled up behind it, with itself, which is told in its place."""
    together: tuple[Movement, ...] = ()
    """What its message tells as one change, with itself, in the order in which it happened; none where it is alone."""
    base: Delivery | None = None
    """The delivery whose message is changed to tell it too."""
    report_id: str | None = None
    """Where to read more of that."""
    named: Named = NOBODY
    corrected_at: datetime | None = None
    claimed_by: str | None = None


async def load_movements(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldMovement]:
    """Find the movements, what is told with them, and what came since where they were told before."""
    hearing = await find_hearings(session, owed)
    facts = await movement.many(session, {one.fact_id for one in owed})
    names = await source.names_of(session, {moved.source_id for moved, _ in facts.values()})
    told = {}
    for one in owed:
        to, fact = hearing.get(one.id), facts.get((one.workspace_id, one.fact_id))
        if to is not None and fact is not None and to.destination.frequency == Frequency.REAL_TIME:
            told[one.id] = ToldMovement(*fact, to, name_source(names, fact[0].source_id))
    hearers = [(one, told[one.id].to.destination, told[one.id].account) for one in owed if one.id in told]
    for key, named in (await name_holders(session, hearers, now=setting.now)).items():
        told[key] = replace(told[key], named=named)
    bases = await delivery.many(session, {one.edits for one in owed if one.edits is not None and one.id in told})
    for one, together in await thread.told_together(session, [one for one in owed if one.id in told]):
        told[one.id] = replace(told[one.id], together=tuple(together))
    for one in owed:
        if one.id in told and one.edits is not None:
            told[one.id] = replace(told[one.id], base=bases.get(one.edits))
    posted = {one.id: one for one in owed if one.id in told and one.state == DeliveryState.DELIVERED}
    posted |= {key: one.base for key, one in told.items() if one.base is not None}
    for key, (corrected_at, claimed_by) in (await _come_since(session, told, posted)).items():
        told[key] = replace(told[key], corrected_at=corrected_at, claimed_by=claimed_by)
    alone = [one for one in owed if one.id in told and not told[one.id].together and told[one.id].base is None]
    for carrier, merged in (await merge.merged(session, alone)).items():
        built_in = await report.built_in(session, told[carrier].moved.workspace_id)
        told[carrier] = replace(told[carrier], merged=merged, report_id=built_in.id if built_in else None)
    return told


async def _come_since(
    session: AsyncSession, told: Mapping[str, ToldMovement], posted: Mapping[str, Delivery]
) -> dict[str, tuple[datetime | None, str | None]]:
    """Say of posted messages when what they tell was corrected since, and who claimed it."""
    theirs = {
        key: [one.fact_id, *(moved.id for moved in told[key].together or (told[key].moved,))]
        for key, one in posted.items()
    }
    facts = {fact_id for several in theirs.values() for fact_id in several}
    restated = await subscription.restated_last(session, facts) if facts else {}
    claimed = await claim.holders(session, FactKind.MOVEMENT, facts) if facts else {}
    found: dict[str, tuple[datetime | None, str | None]] = {}
    for key, one in posted.items():
        at = max((restated[fact_id] for fact_id in theirs[key] if fact_id in restated), default=None)
        is_news = at is not None and one.send_started_at is not None and at >= one.send_started_at
        by = (claimed.get((one.workspace_id, fact_id)) for fact_id in theirs[key])
        found[key] = (at if is_news else None, next(filter(None, by), None))
    return found


def draw_movement(owed: Delivery, told: ToldMovement, setting: Setting) -> Drawn:
    """Tell of a movement, or of all that piled up with it."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    hold_back(told.to.because)
    if told.merged is not None:
        return _draw_merged(owed, told, told.merged, setting)
    drawn = _draw_change(owed, told, setting)
    return drawn if told.base is None else in_place_of(told.base, drawn)


def _draw_change(owed: Delivery, told: ToldMovement, setting: Setting) -> Message | Unaddressed:
    """Draw a movement, or several of one account that are told as one."""
    moved, account, destination = told.moved, told.account, told.to.destination
    shown = tuple((attribute.label(key), account.attributes.get(key)) for key in destination.attributes)
    first, last = (told.together[0], told.together[-1]) if told.together else (moved, moved)
    return told.named.draw(
        MovementMessage(
            account_name=account.display_name,
            account_url=last.url or account.url,
            kind=MovementKind(last.kind),
            amount_minor=sum(one.amount_minor for one in told.together or (moved,)),
            count=max(len(told.together), 1),
            currency=last.currency,
            before_minor=first.mrr_before_minor,
            after_minor=last.mrr_after_minor,
            plan=last.plan,
            plan_before=first.plan_before,
            description=last.description,
            attributes=shown,
            occurred_at=last.occurred_at,
            recorded_at=last.recorded_at,
            corrected_at=told.corrected_at,
            claimed_by=told.claimed_by,
            told_at=told_at(owed, setting),
            source_name=told.source_name,
            destination_name=destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


def _draw_merged(owed: Delivery, told: ToldMovement, merged: Merged, setting: Setting) -> Drawn:
    return merged_message.draw(
        MergedMessage(
            count=merged.count,
            first_at=merged.first_at,
            last_at=merged.last_at,
            figures=merged.figures,
            destination_name=told.to.destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            report_url=f"{setting.public_url}/reports/{told.report_id}" if told.report_id else None,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )
