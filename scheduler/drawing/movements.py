"""Telling movements: each by itself, several of one account as one, or all that piled up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import account, attribute, claim, delivery, merge, movement, report, source, subscription, thread
from models.account import Account
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.fact import MovementKind
from models.merge import Merged
from models.movement import Movement
from models.recipient import RecipientKind
from models.subscription import Restatement
from models.wish import Frequency
from scheduler.drawing.hearing import Hearing, find_hearings, name_source
from scheduler.drawing.telling import Drawn, Setting, channel_of, in_place_of, told_at
from scheduler.holders import NOBODY, Named, name_holders
from scheduler.messages import correction as correction_message
from scheduler.messages import merged as merged_message
from scheduler.messages.correction import CorrectionMessage
from scheduler.messages.merged import MergedMessage
from scheduler.messages.message import Message, Unaddressed
from scheduler.messages.movement import MovementMessage
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldMovement:
    """A movement on its way to a destination, or told already."""

    moved: Movement
    account: Account
    to: Hearing
    source_name: str
    together: tuple[Movement, ...] = ()
    """What its message tells as one change, with itself, in the order in which it happened; none where it is alone."""
    base: Delivery | None = None
    """The delivery whose message is changed to tell it too."""
    named: Named = NOBODY
    corrected_at: datetime | None = None
    claimed_by: str | None = None


@dataclass(frozen=True)
class ToldMerged:
    """What piled up in a lane, told in one message."""

    merged: Merged
    to: Hearing
    report_id: str | None
    """Where to read more of it."""


@dataclass(frozen=True)
class ToldGone:
    """What a message told of an account that did not happen after all: its movements as they were, of one kind."""

    restated: Sequence[Restatement]
    account: Account
    to: Hearing
    base: Delivery | None = None
    """The delivery whose message was changed to tell it too."""


Told = ToldMovement | ToldMerged | ToldGone


async def load_movements(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, Told]:
    """Find the movements, what is told with them, and what came since where they were told before."""
    hearing = await find_hearings(session, owed)
    heard = [one for one in owed if one.id in hearing and hearing[one.id].destination.frequency == Frequency.REAL_TIME]
    merged = await _load_merged(session, [one for one in heard if one.edits is None], hearing)
    singly = [one for one in heard if one.id not in merged]
    bases = await delivery.many(session, {one.edits for one in singly if one.edits is not None})
    changes = await _load_changes(session, singly, hearing, bases, now=setting.now)
    gone = [one for one in singly if one.id not in changes and one.state == DeliveryState.DELIVERED]
    told = {key: one for key, one in merged.items() if one.merged.count or one.merged.taken_back}
    return {**told, **changes, **await _load_gone(session, gone, hearing, bases)}


async def _load_changes(
    session: AsyncSession,
    owed: Sequence[Delivery],
    hearing: Mapping[str, Hearing],
    bases: Mapping[str, Delivery],
    *,
    now: datetime,
) -> dict[str, ToldMovement]:
    """Find the movements that are told by themselves, or with others of their account."""
    together = {one.id: tuple(several) for one, several in await thread.told_together(session, owed)}
    last = {key: several[-1].id for key, several in together.items()}
    facts = await movement.many(session, {one.fact_id for one in owed} | set(last.values()))
    names = await source.names_of(session, {moved.source_id for moved, _ in facts.values()})
    told = {}
    for one in owed:
        own = facts.get((one.workspace_id, one.fact_id))
        fact = own or facts.get((one.workspace_id, last.get(one.id, "")))
        if fact is not None:
            told[one.id] = ToldMovement(
                *fact,
                hearing[one.id],
                name_source(names, fact[0].source_id),
                together=together.get(one.id, ()),
                base=bases.get(one.edits) if one.edits is not None else None,
            )
    hearers = [(one, told[one.id].to.destination, told[one.id].account) for one in owed if one.id in told]
    for key, named in (await name_holders(session, hearers, now=now)).items():
        told[key] = replace(told[key], named=named)
    posted = {one.id: one for one in owed if one.id in told and one.state == DeliveryState.DELIVERED}
    posted |= {key: one.base for key, one in told.items() if one.base is not None}
    for key, (corrected_at, claimed_by) in (await _come_since(session, told, posted)).items():
        told[key] = replace(told[key], corrected_at=corrected_at, claimed_by=claimed_by)
    return told


async def _load_merged(
    session: AsyncSession, owed: Sequence[Delivery], hearing: Mapping[str, Hearing]
) -> dict[str, ToldMerged]:
    """Sum up what tells of many movements."""
    found = await merge.merged(session, owed)
    reports = {
        workspace_id: await report.built_in(session, workspace_id)
        for workspace_id in {one.workspace_id for one in owed if one.id in found}
    }
    told = {}
    for one in owed:
        if one.id in found:
            built_in = reports[one.workspace_id]
            told[one.id] = ToldMerged(found[one.id], hearing[one.id], built_in.id if built_in else None)
    return told


async def _load_gone(
    session: AsyncSession, owed: Sequence[Delivery], hearing: Mapping[str, Hearing], bases: Mapping[str, Delivery]
) -> dict[str, ToldGone]:
    """Find what messages told whose movements are all no more."""
    restated = await thread.taken_back(session, owed) if owed else {}
    told = {}
    for one in owed:
        several = restated.get(one.id, ())
        about = await account.get(session, one.workspace_id, several[-1].account_id) if several else None
        if about is not None:
            base = bases.get(one.edits) if one.edits is not None else None
            told[one.id] = ToldGone(several, about, hearing[one.id], base)
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


def draw_movement(owed: Delivery, told: Told, setting: Setting) -> Drawn:
    """Tell of a movement, or of all that piled up with it; or, in its place, that it did not happen."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    hold_back(told.to.because)
    if isinstance(told, ToldMerged):
        return _draw_merged(owed, told, setting)
    drawn = _draw_gone(owed, told) if isinstance(told, ToldGone) else _draw_change(owed, told, setting)
    return drawn if told.base is None else in_place_of(told.base, drawn)


def _draw_gone(owed: Delivery, told: ToldGone) -> Message:
    last = told.restated[-1]
    return correction_message.draw_taken_back(
        CorrectionMessage(
            account_name=told.account.display_name,
            account_url=told.account.url,
            kind_before=MovementKind(last.kind_before),
            amount_before_minor=sum(one.amount_before_minor for one in told.restated),
            kind=None,
            amount_minor=None,
            currency=last.currency,
            occurred_at=last.occurred_at,
            corrected_at=max(one.restated_at for one in told.restated),
            destination_name=told.to.destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


def _draw_change(owed: Delivery, told: ToldMovement, setting: Setting) -> Message | Unaddressed:
    """Draw a movement, or several of one account that are told as one."""
    moved, about, destination = told.moved, told.account, told.to.destination
    shown = tuple((attribute.label(key), about.attributes.get(key)) for key in destination.attributes)
    first, last = (told.together[0], told.together[-1]) if told.together else (moved, moved)
    return told.named.draw(
        MovementMessage(
            account_name=about.display_name,
            account_url=last.url or about.url,
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


def _draw_merged(owed: Delivery, told: ToldMerged, setting: Setting) -> Message:
    merged = told.merged
    return merged_message.draw(
        MergedMessage(
            count=merged.count,
            first_at=merged.first_at,
            last_at=merged.last_at,
            figures=merged.figures,
            taken_back=merged.taken_back,
            corrected_at=merged.corrected_at,
            destination_name=told.to.destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            report_url=f"{setting.public_url}/reports/{told.report_id}" if told.report_id else None,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )
