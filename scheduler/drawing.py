"""From deliveries to their messages: load the facts that the rows name, many at once, and draw each as it is now.

A kind of fact is two functions in one table. `load` reads what the messages of many deliveries need, and gives it by
the delivery's id; what is missing there has been deleted, or is not wanted any more. `draw` makes one message of it,
with no database, so that one that can't be drawn holds up no other.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    account_card,
    attribute,
    channel,
    claim,
    delivery,
    destination,
    draft,
    edit,
    erasure,
    event,
    late,
    merge,
    movement,
    person,
    recap,
    recipient,
    report,
    signal,
    source,
    subscription,
    thread,
    unfurl,
    workflow,
    workspace,
)
from models.account import Account
from models.account_card import AccountCard
from models.database import is_passing
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.destination import Destination
from models.draft import Shown
from models.event import Event
from models.fact import MovementKind, SignalKind, TrackFact, read_facts
from models.late import Correction, Late
from models.merge import Merged
from models.movement import Movement
from models.preview import Preview
from models.recap import Figures, Placed, Recap
from models.recipient import IN_PERSON, RecipientKind, To
from models.report import Figures as ReportFigures
from models.schedule import Period, Rhythm
from models.signal import Signal
from models.thread import Card
from models.unfurl import Unfurl
from models.wish import Frequency, Wish
from models.workflow import Workflow
from models.workspace import Workspace
from scheduler import places
from scheduler.claims import draw_claim, load_claims
from scheduler.corrections import draw_correction, load_corrections
from scheduler.decisions import Decision
from scheduler.glances import draw_glance, load_glances
from scheduler.histories import draw_history, load_histories
from scheduler.holders import NOBODY, Named, name_holders
from scheduler.keepers import draw_keeper, load_keepers
from scheduler.messages import account as account_message
from scheduler.messages import draft as draft_message
from scheduler.messages import merged as merged_message
from scheduler.messages import recap as recap_message
from scheduler.messages import report as report_message
from scheduler.messages import signal as signal_message
from scheduler.messages import thread as thread_message
from scheduler.messages import track as track_message
from scheduler.messages import trial as trial_message
from scheduler.messages import welcome as welcome_message
from scheduler.messages.account import AccountMessage
from scheduler.messages.merged import MergedMessage
from scheduler.messages.message import Edited, Message, Unaddressed, Unfurled
from scheduler.messages.movement import MovementMessage
from scheduler.messages.recap import RecapMessage
from scheduler.messages.report import ReportUnfurl
from scheduler.messages.signal import SignalMessage, UnheardMessage
from scheduler.messages.thread import ThreadMessage
from scheduler.messages.track import TrackMessage
from scheduler.messages.trial import TrialMessage
from scheduler.notices import draw_notice, draw_recovery, load_notices, load_recoveries
from scheduler.places import OUTSIDERS, POSTED_JUST_NOW, HeldBackError, hold_back, hold_back_from_outsiders
from scheduler.pollers.refused import draw_key_refused, load_refused
from scheduler.silences import draw_heard_again, draw_silence, load_heard_again, load_silences

WELCOME_KEPT = timedelta(minutes=1)
"""A welcome that can't be posted within this time is out of place."""

UNFURL_KEPT = timedelta(seconds=60)
"""After this time a conversation has gone on, and nobody looks at the link any more."""

Drawn = Message | Unfurled | Unaddressed | Edited | SkipReason
Told = TypeVar("Told")


@dataclass(frozen=True)
class Setting:
    """When messages are drawn, our own address, and what gives the address at which a picture is."""

    now: datetime
    public_url: str
    picture_url: Callable[[Preview], str]


@dataclass(frozen=True)
class Drawing(Generic[Told]):
    """How a kind of fact is told."""

    load: Callable[[AsyncSession, Sequence[Delivery], Setting], Awaitable[Mapping[str, Told]]]
    draw: Callable[[Delivery, Told, Setting], Drawn]


async def draw_deliveries(
    session: AsyncSession, owed: Iterable[Delivery], *, setting: Setting
) -> dict[str, Drawn | Exception]:
    """Draw what deliveries tell, or say why there is nothing to tell any more; by the delivery's id.

    What can't be drawn is an exception there. What can't be loaded raises.
    """
    by_kind: dict[str, list[Delivery]] = {}
    for one in owed:
        by_kind.setdefault(one.fact_kind, []).append(one)
    drawn: dict[str, Drawn | Exception] = {}
    for kind, alike in by_kind.items():
        drawing = DRAWINGS.get(kind)
        told = await drawing.load(session, alike, setting) if drawing else {}
        drawn |= {one.id: _draw(drawing, one, told.get(one.id), setting) for one in alike}
    return drawn


async def draw_alone(
    session: AsyncSession, owed: Iterable[Delivery], *, setting: Setting
) -> dict[str, Drawn | Exception]:
    """Draw deliveries one by one, each in a savepoint, so that what can't be loaded holds up no other either."""
    drawn: dict[str, Drawn | Exception] = {}
    for one in owed:
        try:
            async with session.begin_nested():
                drawn |= await draw_deliveries(session, [one], setting=setting)
        except Exception as error:
            if is_passing(error):
                raise
            drawn[one.id] = error
    return drawn


def _draw(drawing: Drawing[Any] | None, owed: Delivery, told: Any, setting: Setting) -> Drawn | Exception:
    if drawing is None:
        return LookupError(f"nobody draws {owed.fact_kind}")
    if told is None:
        return SkipReason.DELETED
    try:
        return drawing.draw(owed, told, setting)
    except Exception as error:  # noqa: BLE001 - it is this delivery's alone, and is told as its outcome
        return error


@dataclass(frozen=True)
class Hearing:
    """The destination that a delivery is for, its workspace, and why nothing of MRR may be told there, if so."""

    destination: Destination
    tenant: Workspace
    because: Decision | None

    @property
    def locale(self) -> str:
        """Say how its readers write numbers."""
        return self.destination.locale or self.tenant.locale


async def _hearing(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Hearing]:
    """Find the destinations of deliveries, by the delivery's id, where they still have the recipient.

    It may have changed while the delivery was being made.
    """
    asking = await destination.many(session, {one.asked_by for one in owed})
    chosen = await recipient.chosen(session, {(one.asked_by, one.recipient_kind, one.target) for one in owed})
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    barred = await _barred(session, owed)
    return {
        one.id: Hearing(asking[one.asked_by], tenants[one.workspace_id], barred.get(one.id))
        for one in owed
        if (one.asked_by, one.recipient_kind, one.target) in chosen
    }


async def _barred(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Decision]:
    """Say by the delivery's id where nothing of MRR may be told: outsiders read along, or people left or are guests."""
    unconfirmed = await channel.unconfirmed(session, {(one.workspace_id, one.target) for one in owed})
    barred = {one.id: OUTSIDERS for one in owed if (one.workspace_id, one.target) in unconfirmed}
    people = {
        one.id: [(one.workspace_id, user_id) for user_id in To(RecipientKind(one.recipient_kind), one.target).user_ids]
        for one in owed
        if one.recipient_kind in IN_PERSON
    }
    unfit = await person.unfit(session, {key for theirs in people.values() for key in theirs})
    for delivery_id, theirs in people.items():
        because = places.unfit([unfit[key] for key in theirs if key in unfit], among=len(theirs))
        if because is not None:
            barred[delivery_id] = because
    return barred


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


async def _load_movements(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldMovement]:
    hearing = await _hearing(session, owed)
    facts = await movement.many(session, {one.fact_id for one in owed})
    names = await source.names_of(session, {moved.source_id for moved, _ in facts.values()})
    told = {}
    for one in owed:
        to, fact = hearing.get(one.id), facts.get((one.workspace_id, one.fact_id))
        if to is not None and fact is not None and to.destination.frequency == Frequency.REAL_TIME:
            told[one.id] = ToldMovement(*fact, to, _name(names, fact[0].source_id))
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


def _told_at(owed: Delivery, setting: Setting) -> datetime:
    """Say when a message is told; one that is brought up to date was told then."""
    return owed.settled_at or setting.now if owed.state == DeliveryState.DELIVERED else setting.now


def _draw_movement(owed: Delivery, told: ToldMovement, setting: Setting) -> Drawn:
    """Tell of a movement, or of all that piled up with it."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    hold_back(told.to.because)
    if told.merged is not None:
        return _draw_merged(owed, told, told.merged, setting)
    drawn = _draw_change(owed, told, setting)
    return drawn if told.base is None else _in_place_of(told.base, drawn)


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
            told_at=_told_at(owed, setting),
            source_name=told.source_name,
            destination_name=destination.name,
            channel_id=_channel_id(owed),
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
            channel_id=_channel_id(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            report_url=f"{setting.public_url}/reports/{told.report_id}" if told.report_id else None,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


@dataclass(frozen=True)
class ToldThread:
    """An account's card on its way to a destination that tells each account's movements under one."""

    card: Card
    to: Hearing


async def _load_threads(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldThread]:
    hearing = await _hearing(session, owed)
    wanted = {key: to for key, to in hearing.items() if to.destination.has_threads}
    cards = await thread.cards(session, [one for one in owed if one.id in wanted])
    return {key: ToldThread(card, wanted[key]) for key, card in cards.items()}


def _draw_thread(owed: Delivery, told: ToldThread, setting: Setting) -> Drawn:
    """Say how an account stands, above what is told of it."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    if not told.card.count and owed.state != DeliveryState.DELIVERED:
        return SkipReason.EMPTY  # What was to stand under it was muted, or did not happen.
    hold_back(told.to.because)
    about, last, destination = told.card.account, told.card.last, told.to.destination
    return thread_message.draw(
        ThreadMessage(
            account_name=about.display_name,
            account_url=about.url,
            mrr_minor=about.mrr_minor,
            currency=about.currency,
            last=last,
            count=told.card.count,
            since=told.card.since,
            told_at=setting.now,
            destination_name=destination.name,
            channel_id=_channel_id(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


@dataclass(frozen=True)
class ToldRecap:
    """A recap on its way to a destination, with what its period comes to as it is known now."""

    recap: Recap
    is_outdone: bool
    to: Hearing
    figures: tuple[Figures, ...] = ()
    late: Late | None = None
    correction: Correction | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing in it."""
        return self.late is None and not any(one.count for one in self.figures)


async def _load_recaps(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldRecap]:
    hearing = await _hearing(session, owed)
    placed = await recap.placed(session, {one.fact_id for one in owed})
    told = {}
    for one in owed:
        to, found = hearing.get(one.id), placed.get((one.workspace_id, one.fact_id))
        if to is not None and found is not None and to.destination.frequency == found.recap.frequency:
            told[one.id] = ToldRecap(
                found.recap,
                found.is_outdone and not _stands(one),
                to,
                late=await _late(session, one, found),
                correction=await _correction(session, one, found.recap),
            )
    figures = await recap.figures_of(session, [one.recap for one in told.values() if not one.is_outdone])
    return {key: replace(one, figures=tuple(figures.get(one.recap.id, ()))) for key, one in told.items()}


async def _late(session: AsyncSession, owed: Delivery, told: Placed) -> Late | None:
    if told.before is None:
        return None
    return await late.arrived(session, owed.workspace_id, told.recap, before=told.before, target=owed.target)


async def _correction(session: AsyncSession, owed: Delivery, told: Recap) -> Correction | None:
    if not _stands(owed) or owed.send_started_at is None:
        return None
    return await late.correction(session, owed.workspace_id, told, told_at=owed.send_started_at)


def _stands(owed: Delivery) -> bool:
    """Say whether it was posted, and is drawn for its correction."""
    return owed.state == DeliveryState.DELIVERED


def _draw_recap(owed: Delivery, told: ToldRecap, setting: Setting) -> Drawn:
    """Tell what a period came to. Of several recaps that wait for one destination, only the newest is news."""
    recap, destination = told.recap, told.to.destination
    if destination.is_paused(setting.now):
        return SkipReason.PAUSED
    if told.is_outdone:
        return SkipReason.STALE
    if told.is_empty and not (destination.tells_empty or recap.is_asked_for or _stands(owed)):
        return SkipReason.EMPTY
    hold_back(told.to.because)
    return recap_message.draw(
        RecapMessage(
            rhythm=Rhythm(recap.frequency),
            period=Period(recap.first, recap.end),
            figures=told.figures,
            destination_name=destination.name,
            channel_id=_channel_id(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            due_at=recap.due_at,
            told_at=(owed.send_started_at if _stands(owed) else None) or setting.now,
            next_at=destination.next_run_at,
            days_before=recap.days_before,
            late=told.late,
            correction=told.correction,
            note=owed.note if recap.is_asked_for else None,
            list_url=f"{setting.public_url}/recaps/{recap.id}" if recap.destination_id else None,
            locale=destination.locale or told.to.tenant.locale,
            may_be_repeat=owed.may_be_repeat,
            picture_urls={
                one.name: setting.picture_url(_preview(recap, one.name, setting.now))
                for one in told.figures
                if recap.destination_id
            },
        )
    )


async def _load_trials(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, Hearing]:
    return await _hearing(session, owed)


def _draw_trial(owed: Delivery, to: Hearing, setting: Setting) -> Drawn:
    """Show where a destination posts, with what would stand in its way standing in the way of this too."""
    hold_back(to.because)
    destination = to.destination
    return trial_message.draw(
        TrialMessage(
            destination_name=destination.name,
            is_recap=Frequency(destination.frequency).is_recap,
            next_at=destination.next_run_at,
            is_paused=destination.is_paused(setting.now),
            note=owed.note or "Somebody asked for this test",
            told_at=setting.now,
            may_be_repeat=owed.may_be_repeat,
        )
    )


@dataclass(frozen=True)
class ToldDraft:
    """A destination that isn't saved, and what it would tell."""

    wish: Wish
    told: "ToldMovement | ToldRecap"


async def _load_drafts(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldDraft]:
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    barred = await _barred(session, owed)
    found = {}
    for one in owed:
        shown = await draft.shown(session, one.workspace_id, one.fact_id)
        if shown is None:
            continue
        asking = destination.imagined(one.workspace_id, shown.wish, now=setting.now)
        asking.tells_empty = True
        to = Hearing(asking, tenants[one.workspace_id], barred.get(one.id))
        told = await (_draft_movement if shown.movement_id else _draft_recap)(session, one, shown, to, setting)
        if told is not None:
            found[one.id] = ToldDraft(shown.wish, told)
    return found


async def _draft_movement(
    session: AsyncSession, owed: Delivery, shown: Shown, to: Hearing, setting: Setting
) -> ToldMovement | None:
    """Find the movement. Whom it would mention is named in words, as in whatever goes to one person."""
    found = await movement.get(session, owed.workspace_id, shown.movement_id or "")
    if found is None:
        return None
    names = await source.names_of(session, {found[0].source_id})
    named = await name_holders(session, [(owed, to.destination, found[1])], now=setting.now)
    return ToldMovement(*found, to, _name(names, found[0].source_id), named=named.get(owed.id, NOBODY))


async def _draft_recap(
    session: AsyncSession, owed: Delivery, shown: Shown, to: Hearing, setting: Setting
) -> ToldRecap | None:
    """Sum up the last whole period, as the destination's next recap would have it were it due now."""
    schedule = shown.wish.schedule
    if schedule is None:
        return None
    imagined = recap.of_nobody(owed.workspace_id, schedule, schedule.period_of(setting.now), now=setting.now)
    figures = await recap.figures(session, owed.workspace_id, imagined)
    return ToldRecap(imagined, is_outdone=False, to=to, figures=tuple(figures))


def _draw_draft(owed: Delivery, told: ToldDraft, setting: Setting) -> Drawn:
    """Draw what would be posted to the first recipient, and say that it is a preview."""
    kind, target = told.wish.recipients[0]
    posted = Delivery(id=owed.id, recipient_kind=kind, target=target, may_be_repeat=owed.may_be_repeat)
    if isinstance(told.told, ToldMovement):
        drawn, is_empty = _draw_movement(posted, told.told, setting), False
    else:
        drawn = _draw_recap(posted, told.told, setting)
        is_empty = told.told.is_empty
    if not isinstance(drawn, dict):
        return drawn
    left_out = is_empty and not told.wish.tells_empty
    return draft_message.draw(drawn, name=told.wish.name, left_out=left_out)


def _preview(told: Recap, figures: str, now: datetime) -> Preview:
    return Preview(workspace_id=told.workspace_id, subject_id=told.id, figures=figures, as_of=now)


@dataclass(frozen=True)
class ToldTrack:
    """An event on its way by a workflow."""

    workflow: Workflow
    event: Event


async def _load_tracks(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldTrack]:
    asking = await workflow.many(session, {one.asked_by for one in owed})
    arrived = await event.many(session, {int(one.fact_id) for one in owed})
    await erasure.cover(session, arrived.values())
    told = {}
    for one in owed:
        by, what = asking.get(one.asked_by), arrived.get((one.workspace_id, int(one.fact_id)))
        is_kept = what is not None and any(fact.get("type") == "track" for fact in what.facts)
        if by is not None and what is not None and is_kept and by.channel_id == one.target:
            told[one.id] = ToldTrack(by, what)
    return told


def _draw_track(owed: Delivery, told: ToldTrack, _setting: Setting) -> Drawn:
    """Fill in the workflow's template, and note in the ledger what the event did not have."""
    tracked = next(fact for fact in read_facts(told.event.facts) if isinstance(fact, TrackFact))
    drawn = track_message.draw(
        TrackMessage(
            template=told.workflow.template,
            event=tracked.payload,
            username=told.workflow.username,
            icon=told.workflow.icon,
            may_be_repeat=owed.may_be_repeat,
        )
    )
    if drawn.missing:
        owed.note = f"The event did not have {', '.join(drawn.missing)}."
    return drawn.message or SkipReason.EMPTY


@dataclass(frozen=True)
class ToldSignal:
    """A signal on its way to whoever hears of it."""

    signal: Signal
    account: Account
    source_name: str
    claimed_by: str | None = None


async def _load_signals(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldSignal]:
    facts = await signal.many(session, {one.fact_id for one in owed})
    names = await source.names_of(session, {told.source_id for told, _ in facts.values()})
    found = {one.id: facts.get((one.workspace_id, one.fact_id)) for one in owed}
    posted = {one.fact_id for one in owed if one.state == DeliveryState.DELIVERED}
    claimed = await claim.holders(session, FactKind.SIGNAL, posted) if posted else {}
    return {
        key: ToldSignal(*fact, _name(names, fact[0].source_id), claimed.get((fact[0].workspace_id, fact[0].id)))
        for key, fact in found.items()
        if fact is not None
    }


def _draw_signal(owed: Delivery, told: ToldSignal, setting: Setting) -> Drawn:
    about, account = told.signal, told.account
    is_direct = owed.recipient_kind == RecipientKind.PERSON
    return signal_message.draw(
        SignalMessage(
            kind=SignalKind(about.kind),
            person=about.person,
            title=about.title,
            text=about.text,
            url=about.url,
            account_name=account.display_name,
            account_url=account.url,
            account_status=account.status,
            sales_stage=account.sales_stage,
            occurred_at=about.occurred_at,
            told_at=_told_at(owed, setting),
            source_name=told.source_name,
            why=f"{'Sent to you' if is_direct else 'Told here'} because {owed.note}.",
            is_direct=is_direct,
            claimed_by=told.claimed_by,
            may_be_repeat=owed.may_be_repeat,
        )
    )


def _draw_unheard(owed: Delivery, told: ToldSignal, _setting: Setting) -> Drawn:
    return signal_message.draw_unheard(UnheardMessage(account_name=told.account.display_name, why=owed.note or ""))


@dataclass(frozen=True)
class ToldAccount:
    """An account's card on its way to a channel in which somebody shared it."""

    card: AccountCard
    needs_confirmation: bool


async def _load_accounts(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldAccount]:
    unconfirmed = await channel.unconfirmed(session, {(one.workspace_id, one.target) for one in owed})
    told = {}
    for one in owed:
        account_id = one.fact_id.partition("#")[0]
        card = await account_card.read(session, one.workspace_id, account_id, now=setting.now)
        if card is not None:
            told[one.id] = ToldAccount(card, (one.workspace_id, one.target) in unconfirmed)
    return told


def _draw_account(owed: Delivery, told: ToldAccount, setting: Setting) -> Drawn:
    hold_back_from_outsiders(needs_confirmation=told.needs_confirmation)
    note = owed.note or "Somebody shared this"
    return account_message.draw(
        AccountMessage(card=told.card, note=note, told_at=setting.now, may_be_repeat=owed.may_be_repeat)
    )


@dataclass(frozen=True)
class ToldLink:
    """A link that somebody shared, and what stands under it; no figures where nothing is shown."""

    link: Unfurl
    tenant: Workspace
    figures: tuple[ReportFigures, ...]


async def _load_unfurls(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldLink]:
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    told = {}
    for one in owed:
        link, tenant = await unfurl.get(session, one.workspace_id, one.fact_id), tenants[one.workspace_id]
        if link is not None:
            is_shown = tenant.shows_previews and not _is_old(link, setting.now)
            figures = await report.figures(session, one.workspace_id, now=setting.now) if is_shown else ()
            told[one.id] = ToldLink(link, tenant, figures)
    return told


def _is_old(link: Unfurl, now: datetime) -> bool:
    return now - link.shared_at > UNFURL_KEPT


def _draw_unfurl(_owed: Delivery, told: ToldLink, setting: Setting) -> Drawn:
    """Draw what stands under a link, while it is news and the workspace wants it."""
    link, tenant = told.link, told.tenant
    if not tenant.shows_previews:
        return SkipReason.MUTED
    if _is_old(link, setting.now):
        return SkipReason.STALE
    blocks = report_message.draw(
        ReportUnfurl(
            url=link.url,
            preview_url=link.preview_url,
            workspace_name=tenant.name,
            figures=told.figures,
            as_of=setting.now,
            locale=tenant.locale,
        )
    )
    return Unfurled(url=link.url, message_ts=link.message_ts, blocks=blocks)


@dataclass(frozen=True)
class ToldAnew:
    """A delivery whose message is brought up to date, and that message as it is drawn now."""

    posted: Delivery
    drawn: Drawn | Exception | None = None


async def _load_edits(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldAnew]:
    posted = await delivery.many(session, {one.fact_id for one in owed})
    standing = [one for one in posted.values() if one.state == DeliveryState.DELIVERED and one.message_end is None]
    drawn = await draw_deliveries(session, standing, setting=setting)
    return {
        one.id: ToldAnew(posted[one.fact_id], drawn.get(one.fact_id))
        for one in owed
        if one.fact_id in posted and posted[one.fact_id].workspace_id == one.workspace_id
    }


def _draw_edit(_owed: Delivery, told: ToldAnew, _setting: Setting) -> Drawn:
    """Draw a posted message anew. While it is being posted, its edit waits; what is not sent yet needs none."""
    posted, drawn = told.posted, told.drawn
    if posted.state in edit.UNDER_WAY:
        raise HeldBackError(POSTED_JUST_NOW)
    if isinstance(drawn, Exception):
        raise drawn
    if drawn is None or isinstance(drawn, SkipReason):
        return drawn or SkipReason.STALE
    assert not isinstance(drawn, Unfurled)  # noqa: S101 - it is no message, and can't be edited
    return drawn if isinstance(drawn, Edited) else _in_place_of(posted, drawn)


def _in_place_of(posted: Delivery, drawn: Message | Unaddressed) -> Edited:
    assert posted.message_channel is not None  # noqa: S101 - it was delivered
    assert posted.message_ts is not None  # noqa: S101 - it was delivered
    return Edited(message=drawn, delivery_id=posted.id, channel=posted.message_channel, ts=posted.message_ts)


async def _load_welcomes(_session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, str]:
    return {one.id: one.target for one in owed}


def _draw_welcome(owed: Delivery, channel_id: str, setting: Setting) -> Drawn:
    is_late = setting.now - owed.created_at > WELCOME_KEPT
    return SkipReason.STALE if is_late else welcome_message.draw(channel_id)


def _name(names: Mapping[str, str], source_id: str) -> str:
    return names.get(source_id, "a removed source")


def _channel_id(owed: Delivery) -> str | None:
    return owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None


DRAWINGS: Mapping[str, Drawing[Any]] = {
    FactKind.MOVEMENT: Drawing(_load_movements, _draw_movement),
    FactKind.THREAD: Drawing(_load_threads, _draw_thread),
    FactKind.RECAP: Drawing(_load_recaps, _draw_recap),
    FactKind.TEST: Drawing(_load_trials, _draw_trial),
    FactKind.DRAFT: Drawing(_load_drafts, _draw_draft),
    FactKind.TRACK: Drawing(_load_tracks, _draw_track),
    FactKind.SIGNAL: Drawing(_load_signals, _draw_signal),
    FactKind.UNHEARD: Drawing(_load_signals, _draw_unheard),
    FactKind.ACCOUNT: Drawing(_load_accounts, _draw_account),
    FactKind.WELCOME: Drawing(_load_welcomes, _draw_welcome),
    FactKind.UNFURL: Drawing(_load_unfurls, _draw_unfurl),
    FactKind.NOTICE: Drawing(load_notices, draw_notice),
    FactKind.RECOVERY: Drawing(load_recoveries, draw_recovery),
    FactKind.SILENCE: Drawing(load_silences, draw_silence),
    FactKind.HEARD_AGAIN: Drawing(load_heard_again, draw_heard_again),
    FactKind.KEEPER_GONE: Drawing(load_keepers, draw_keeper),
    FactKind.HISTORY: Drawing(load_histories, draw_history),
    FactKind.GLANCE: Drawing(load_glances, draw_glance),
    FactKind.CORRECTION: Drawing(load_corrections, draw_correction),
    FactKind.CLAIM: Drawing(load_claims, draw_claim),
    FactKind.RELEASE: Drawing(load_claims, draw_claim),
    FactKind.KEY_REFUSED: Drawing(load_refused, draw_key_refused),
    FactKind.EDIT: Drawing(_load_edits, _draw_edit),
}
"""Who tells what."""
