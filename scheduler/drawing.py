"""From a delivery to its message: load the fact that the row names, and draw it as it is now."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from models import attribute, event, movement, recap, recipient, report, signal, source, unfurl, workspace
from models.delivery import Delivery, FactKind, SkipReason
from models.destination import Destination, Frequency
from models.fact import MovementKind, SignalKind, TrackFact, read_facts
from models.preview import Preview
from models.recap import Recap
from models.recipient import RecipientKind
from models.schedule import Period, Rhythm
from models.workflow import Workflow
from scheduler.messages import movement as movement_message
from scheduler.messages import recap as recap_message
from scheduler.messages import report as report_message
from scheduler.messages import signal as signal_message
from scheduler.messages import track as track_message
from scheduler.messages import welcome as welcome_message
from scheduler.messages.message import Message, Unfurled
from scheduler.messages.movement import MovementMessage
from scheduler.messages.recap import RecapMessage
from scheduler.messages.report import ReportUnfurl
from scheduler.messages.signal import SignalMessage, UnheardMessage
from scheduler.messages.track import TrackMessage

WELCOME_KEPT = timedelta(minutes=1)
"""A welcome that can't be posted within this time is out of place."""

UNFURL_KEPT = timedelta(seconds=60)
"""After this time a conversation has gone on, and nobody looks at the link any more."""


PictureUrl: TypeAlias = Callable[[Preview], str]
"""Gives the address at which a picture is."""


async def draw_delivery(
    session: AsyncSession, owed: Delivery, *, now: datetime, picture_url: PictureUrl
) -> Message | Unfurled | SkipReason:
    """Draw what a delivery tells, or say why there is nothing to tell any more."""
    if owed.fact_kind == FactKind.RECAP:
        return await _draw_recap(session, owed, now, picture_url)
    return await DRAWERS[FactKind(owed.fact_kind)](session, owed, now)


async def _draw_movement(session: AsyncSession, owed: Delivery, now: datetime) -> Message | SkipReason:
    destination = await session.get(Destination, owed.asked_by)
    found = await movement.get(session, owed.workspace_id, owed.fact_id)
    tenant = await workspace.get(session, owed.workspace_id)
    if destination is None or found is None or tenant is None:
        return SkipReason.DELETED
    if not await _is_wanted(session, owed, destination, Frequency.REAL_TIME):
        return SkipReason.DELETED
    moved, account = found
    shown = tuple((attribute.label(key), account.attributes.get(key)) for key in destination.attributes)
    return movement_message.draw(
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
            source_name=await _source_name(session, owed.workspace_id, moved.source_id),
            destination_name=destination.name,
            channel_id=owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None,
            locale=tenant.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )


async def _draw_recap(
    session: AsyncSession, owed: Delivery, now: datetime, picture_url: PictureUrl
) -> Message | SkipReason:
    """Sum the period up as it is known now. Of several that wait for one destination, only the newest is news."""
    destination = await session.get(Destination, owed.asked_by)
    found = await recap.get(session, owed.workspace_id, owed.fact_id)
    tenant = await workspace.get(session, owed.workspace_id)
    if destination is None or found is None or tenant is None:
        return SkipReason.DELETED
    if not await _is_wanted(session, owed, destination, found.frequency):
        return SkipReason.DELETED
    if await recap.is_outdone(session, found):
        return SkipReason.STALE
    figures = tuple(await recap.figures(session, owed.workspace_id, found))
    return recap_message.draw(
        RecapMessage(
            rhythm=Rhythm(found.frequency),
            period=Period(found.first, found.end),
            figures=figures,
            destination_name=destination.name,
            channel_id=owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None,
            due_at=found.due_at,
            told_at=now,
            next_at=destination.next_run_at,
            locale=tenant.locale,
            may_be_repeat=owed.may_be_repeat,
            picture_urls={one.currency: picture_url(_preview(found, one.currency, now)) for one in figures},
        )
    )


def _preview(told: Recap, currency: str, now: datetime) -> Preview:
    return Preview(workspace_id=told.workspace_id, subject_id=told.id, currency=currency, as_of=now)


async def _is_wanted(session: AsyncSession, owed: Delivery, destination: Destination, frequency: str) -> bool:
    """Say whether the destination still hears this way, and has the recipient.

    It may have changed while the delivery was being made.
    """
    if destination.frequency != frequency:
        return False
    return await recipient.is_chosen(session, owed.asked_by, owed.recipient_kind, owed.target)


async def _draw_track(session: AsyncSession, owed: Delivery, _now: datetime) -> Message | SkipReason:
    """Fill in the workflow's template, and note in the ledger what the event did not have."""
    asking = await session.get(Workflow, owed.asked_by)
    arrived = await event.get(session, owed.workspace_id, int(owed.fact_id))
    if asking is None or asking.deleted_at is not None or asking.channel_id != owed.target or arrived is None:
        return SkipReason.DELETED
    tracked = next(fact for fact in read_facts(arrived.facts) if isinstance(fact, TrackFact))
    drawn = track_message.draw(
        TrackMessage(
            template=asking.template,
            event=tracked.payload,
            username=asking.username,
            icon=asking.icon,
            may_be_repeat=owed.may_be_repeat,
        )
    )
    if drawn.missing:
        owed.note = f"The event did not have {', '.join(drawn.missing)}."
    return drawn.message or SkipReason.EMPTY


async def _draw_signal(session: AsyncSession, owed: Delivery, now: datetime) -> Message | SkipReason:
    found = await signal.get(session, owed.workspace_id, owed.fact_id)
    if found is None:
        return SkipReason.DELETED
    told, account = found
    is_direct = owed.recipient_kind == RecipientKind.PERSON
    return signal_message.draw(
        SignalMessage(
            kind=SignalKind(told.kind),
            person=told.person,
            title=told.title,
            text=told.text,
            url=told.url,
            account_name=account.display_name,
            account_url=account.url,
            account_status=account.status,
            sales_stage=account.sales_stage,
            occurred_at=told.occurred_at,
            told_at=now,
            source_name=await _source_name(session, owed.workspace_id, told.source_id),
            why=f"{'Sent to you' if is_direct else 'Told here'} because {owed.note}.",
            is_direct=is_direct,
            may_be_repeat=owed.may_be_repeat,
        )
    )


async def _draw_unheard(session: AsyncSession, owed: Delivery, _now: datetime) -> Message | SkipReason:
    found = await signal.get(session, owed.workspace_id, owed.fact_id)
    if found is None:
        return SkipReason.DELETED
    return signal_message.draw_unheard(UnheardMessage(account_name=found[1].display_name, why=owed.note or ""))


async def _draw_unfurl(session: AsyncSession, owed: Delivery, now: datetime) -> Unfurled | SkipReason:
    """Draw what stands under a link, while it is news and the workspace wants it."""
    link = await unfurl.get(session, owed.workspace_id, owed.fact_id)
    tenant = await workspace.get(session, owed.workspace_id)
    if link is None or tenant is None:
        return SkipReason.DELETED
    if not tenant.shows_previews:
        return SkipReason.MUTED
    if now - link.shared_at > UNFURL_KEPT:
        return SkipReason.STALE
    blocks = report_message.draw(
        ReportUnfurl(
            url=link.url,
            preview_url=link.preview_url,
            workspace_name=tenant.name,
            figures=await report.figures(session, owed.workspace_id, now=now),
            as_of=now,
            locale=tenant.locale,
        )
    )
    return Unfurled(url=link.url, message_ts=link.message_ts, blocks=blocks)


async def _source_name(session: AsyncSession, workspace_id: str, source_id: str) -> str:
    names = await source.names(session, workspace_id)
    return names.get(source_id, "a removed source")


async def _draw_welcome(_session: AsyncSession, owed: Delivery, now: datetime) -> Message | SkipReason:
    is_late = now - owed.created_at > WELCOME_KEPT
    return SkipReason.STALE if is_late else welcome_message.draw(owed.target)


DRAWERS: Mapping[FactKind, Callable[[AsyncSession, Delivery, datetime], Awaitable[Message | Unfurled | SkipReason]]] = {
    FactKind.MOVEMENT: _draw_movement,
    FactKind.TRACK: _draw_track,
    FactKind.SIGNAL: _draw_signal,
    FactKind.UNHEARD: _draw_unheard,
    FactKind.WELCOME: _draw_welcome,
    FactKind.UNFURL: _draw_unfurl,
}
"""Who draws what, recaps apart: each loads the fact, and draws it or says why there is nothing to tell any more."""
