"""Matching: which destinations want to hear of a fact, and so which deliveries are owed."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, destination, lane, recipient, workflow
from models.database import wake
from models.delivery import FactKind
from models.event import Event
from models.fact import TrackFact
from models.movement import Movement
from models.recipient import RecipientKind
from models.wakeup import Topic
from scheduler.messages.template import look_up

log = structlog.get_logger()


async def match_movement(session: AsyncSession, movement: Movement, *, now: datetime) -> int:
    """Owe the movement to every recipient of every destination that wants it; say how many deliveries that makes."""
    destinations = await destination.hearing_movements(session, movement.workspace_id)
    recipients = await recipient.of_destinations(session, [wanting.id for wanting in destinations])
    owed = 0
    for wanting in destinations:
        for to in recipients[wanting.id]:
            lane_id = await lane.find_or_make(session, movement.workspace_id, delivery.POST, to.target, now=now)
            owed += await delivery.owe(
                session,
                workspace_id=movement.workspace_id,
                lane_id=lane_id,
                asked_by=wanting.id,
                fact=(FactKind.MOVEMENT, movement.id),
                recipient=(to.kind, to.target),
                now=now,
            )
    if owed:
        wake(session, Topic.DELIVERIES)
    return owed


async def match_track(session: AsyncSession, arrived: Event, fact: TrackFact, *, now: datetime) -> int:
    """Owe an event to the channel of every workflow whose condition it meets; say how many deliveries that makes."""
    owed = 0
    for wanting in await workflow.hearing(session, arrived.workspace_id, fact.event):
        if not workflow.is_met(wanting, look_up(fact.payload, wanting.path) if wanting.path else None):
            continue
        lane_id = await lane.find_or_make(session, arrived.workspace_id, delivery.POST, wanting.channel_id, now=now)
        owed += await delivery.owe(
            session,
            workspace_id=arrived.workspace_id,
            lane_id=lane_id,
            asked_by=wanting.id,
            fact=(FactKind.TRACK, str(arrived.id)),
            recipient=(RecipientKind.CHANNEL, wanting.channel_id),
            now=now,
        )
    if owed:
        wake(session, Topic.DELIVERIES)
    return owed
