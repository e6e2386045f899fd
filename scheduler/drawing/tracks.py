"""Telling an event by a workflow's template."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import erasure, event, workflow
from models.delivery import Delivery, SkipReason
from models.event import Event
from models.fact import TrackFact, read_facts
from models.workflow import Workflow
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import track as track_message
from scheduler.messages.track import TrackMessage


@dataclass(frozen=True)
class ToldTrack:
    """An event on its way by a workflow."""

    workflow: Workflow
    event: Event


async def load_tracks(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldTrack]:
    """Find the events, for workflows that still post there."""
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


def draw_track(owed: Delivery, told: ToldTrack, _setting: Setting) -> Drawn:
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
