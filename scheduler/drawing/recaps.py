"""Telling what a period came to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import late, recap
from models.delivery import Delivery, DeliveryState, SkipReason
from models.late import Correction, Late
from models.preview import Preview
from models.recap import Figures, Placed, Recap
from models.recipient import RecipientKind
from models.schedule import Period, Rhythm
from scheduler.drawing.hearing import Hearing, find_hearings
from scheduler.drawing.telling import Drawn, Setting, channel_of
from scheduler.messages import recap as recap_message
from scheduler.messages.recap import RecapMessage
from scheduler.places import hold_back


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


async def load_recaps(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldRecap]:
    """Sum up the periods as they are known now."""
    hearing = await find_hearings(session, owed)
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


def draw_recap(owed: Delivery, told: ToldRecap, setting: Setting) -> Drawn:
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
            channel_id=channel_of(owed),
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


def _preview(told: Recap, figures: str, now: datetime) -> Preview:
    return Preview(workspace_id=told.workspace_id, subject_id=told.id, figures=figures, as_of=now)
