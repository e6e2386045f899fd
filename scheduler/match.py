"""Matching: which destinations want to hear of a fact, and so which deliveries are owed."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, lane, recipient, workflow
from models.delivery import FactKind, Owed
from models.event import Event
from models.fact import TrackFact
from models.movement import Movement
from models.recipient import RecipientKind
from scheduler.messages.template import look_up


async def match_movement(session: AsyncSession, movement: Movement, *, now: datetime) -> int:
    """Owe the movement to every recipient of every destination that wants it; say how many deliveries that makes."""
    destinations = await destination.hearing_movements(session, movement.workspace_id)
    recipients = await recipient.of_destinations(session, [wanting.id for wanting in destinations])
    owed = [
        Owed(asked_by=wanting.id, fact=(FactKind.MOVEMENT, movement.id), recipient=(to.kind, to.target))
        for wanting in destinations
        for to in recipients[wanting.id]
    ]
    return await lane.owe(session, movement.workspace_id, owed, now=now)


async def match_track(session: AsyncSession, arrived: Event, fact: TrackFact, *, now: datetime) -> int:
    """Owe an event to the channel of every workflow whose condition it meets; say how many deliveries that makes."""
    owed = [
        Owed(
            asked_by=wanting.id,
            fact=(FactKind.TRACK, str(arrived.id)),
            recipient=(RecipientKind.CHANNEL, wanting.channel_id),
        )
        for wanting in await workflow.hearing(session, arrived.workspace_id, fact.event)
        if workflow.is_met(wanting, look_up(fact.payload, wanting.path) if wanting.path else None)
    ]
    return await lane.owe(session, arrived.workspace_id, owed, now=now)
